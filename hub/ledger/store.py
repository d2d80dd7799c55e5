"""All tables of the ledger are known by this module; each stands with the part that it belongs to."""

from hub.ledger.chain.store import AnchorRow as AnchorRow
from hub.ledger.chain.store import LeaseRow as LeaseRow
from hub.ledger.chain.store import TransactionRow as TransactionRow
from hub.ledger.chain.store import VariantRow as VariantRow
from hub.ledger.claims.store import ClaimRow as ClaimRow
from hub.ledger.claims.store import HoldRow as HoldRow
from hub.ledger.conflicts.store import ConflictRow as ConflictRow
from hub.ledger.cover.store import CoverBatchRow as CoverBatchRow
from hub.ledger.cover.store import CoverPlaceRow as CoverPlaceRow
from hub.ledger.cover.store import CoverWaitRow as CoverWaitRow
from hub.ledger.log.store import CheckpointRow as CheckpointRow
from hub.ledger.log.store import HeadRow as HeadRow
from hub.ledger.log.store import LeafRow as LeafRow
from hub.ledger.log.store import LogEpochRow as LogEpochRow
from hub.ledger.log.store import TileRow as TileRow
from hub.ledger.witnesses.store import CosignatureRow as CosignatureRow
from hub.ledger.witnesses.store import EquivocationRow as EquivocationRow
from hub.ledger.witnesses.store import WitnessedRow as WitnessedRow
