"""`make run`: every process of a site on embedded defaults, the sandbox's companies loaded, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from huilian_protocol.stopping import stop_on_signals

from connectors.kit.sandbox_companies import COMPANIES
from connectors.kit.sandbox_people import DEMO_PEOPLE
from deploy.claim_keys import EVALUATORS, THRESHOLD, names
from deploy.journeys.parties import open_party, register_enterprises
from deploy.launch import launch
from deploy.operators import OPERATORS, desk_spec, write_key
from deploy.pki import SitePki
from deploy.process import ROOT, Supervisor
from deploy.site import Site

FOLDER = ROOT / "var" / "run"
WATCH_S = 1.0


async def run() -> int:
    """Serve until SIGINT or SIGTERM; 1 when a process ended by itself."""
    started = time.monotonic()
    stop = stop_on_signals()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # A load test needs other limits than people do.
    limits = os.environ.get("HUILIAN_RATE_LIMITS", "")
    site = Site(
        FOLDER,
        SitePki(FOLDER / "pki", datetime.now(UTC)),
        fixed_ports=True,
        rate_limits=limits,
        web_dir=ROOT / "web" / "dist",
    )
    supervisor = Supervisor(FOLDER)
    try:
        hub = site.hub("hub-a")
        await launch(site, supervisor, [hub], lambda line: print(f"[run] {line}", flush=True))
        await supervisor.start(desk_spec(site, hub))
        parties = [await open_party(site, company) for company in COMPANIES]
        for party in parties:
            write_key(
                site.folder / "keystores" / f"{party.company.key}.token.json", party.uscc, party.keystore.token_key
            )
        await register_enterprises(site, hub, parties)
        print(_welcome(site, time.monotonic() - started), flush=True)
        return await _watch(supervisor, stop)
    finally:
        stubborn = supervisor.stop_all()
        print(f"[run] stopped{'; killed: ' + ', '.join(stubborn) if stubborn else ' cleanly'}", flush=True)


async def _watch(supervisor: Supervisor, stop: asyncio.Event) -> int:
    while not stop.is_set():
        if ended := supervisor.ended():
            print(f"[run] ended by itself: {', '.join(ended)}\n{supervisor.log_tail(ended[0])}", flush=True)
            return 1
        try:
            await asyncio.wait_for(stop.wait(), WATCH_S)
        except TimeoutError:
            continue
    return 0


def _welcome(site: Site, seconds: float) -> str:
    hub = site.hub("hub-a")
    pki, keystores = _short(FOLDER / "pki"), _short(FOLDER / "keystores")
    people = "\n".join(f"    {person.name}  {person.resident_id}  ({person.kind})" for person in DEMO_PEOPLE[:4])
    companies = "\n".join(
        f"    {company.name_zh}  {company.uscc}  {keystores}/{company.key}.json" for company in COMPANIES
    )
    operators = "\n".join(f"    {name}  {_short(FOLDER / 'operators')}/{name}.key.json" for name in OPERATORS)
    web = site.port("mini_program_api")
    return f"""
Huilian sandbox is up after {seconds:.0f} s. Everybody and everything in it is invented.

  mini_program_api   https://127.0.0.1:{web}        (OpenAPI at /openapi.json; CA {pki}/ca.pem)
  citizens           https://localhost:{web}/zone/       (loans, by passkey; the browser must trust {pki}/ca.pem)
  enterprises        https://localhost:{web}/notices/    (notifications, loans, signers; choose *.token.json)
  operators' desk    https://localhost:{site.port("desk")}/desk/
  hub, TLS           127.0.0.1:{hub.public_port}
  hub, mTLS          127.0.0.1:{hub.partner_port}   (certificates in {pki}, one per USCC)
  ERP (Tryton)       {site.tryton_url}              (database huilian, user admin)
  trust anchors      {_short(site.trust_file)}
  claim key          {THRESHOLD} of {EVALUATORS} evaluators (the hub and {", ".join(names(1))})

  people
{people}
  companies (keystore password: sandbox-only)
{companies}

  operators (choose the file at the desk; two of them for what needs four eyes)
{operators}

  a first call:  curl --cacert {pki}/ca.pem https://127.0.0.1:{web}/api/v1/catalogue

Ctrl-C stops everything; `rm -r var/run` forgets it.
"""


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
