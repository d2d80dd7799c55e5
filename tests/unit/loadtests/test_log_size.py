"""The figures about great logs are of a real log: its proofs verify, and a restart finds its root."""

from __future__ import annotations

from pathlib import Path

from loadtests.bench.log_size import described, measure


async def test_a_log_is_grown_proved_and_restarted(tmp_path: Path) -> None:
    found = await measure(60_001, tmp_path / "tiles.sqlite")
    assert found.leaves == 60_001
    assert found.frontier_bytes == 32 * (60_001).bit_count()
    assert found.tile_bytes == 32 * (60_001 + 60_001 // 256)
    assert found.inclusion_bytes == 32 * 16
    assert "60,001 leaves" in described(found)
