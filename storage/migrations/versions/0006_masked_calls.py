"""Masked calls, and what a dispatch is told of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
PHONE = sa.String(length=16)
NAME = sa.String(length=64)

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """New tables, and whose a driver's routes are; of older ones that is not known."""
    with op.batch_alter_table("mask_route") as table:
        table.add_column(sa.Column("driver", NAME, nullable=False, server_default="", comment="the order's"))
        table.alter_column(
            "did",
            existing_type=PHONE,
            existing_nullable=False,
            comment="the number of ours that is dialled; empty: by code",
        )
    with op.batch_alter_table("webhook") as table:
        kind, comment = sa.String(length=16), "whose positions these are"
        table.add_column(sa.Column("tells", kind, nullable=False, server_default="results", comment=comment))
        table.alter_column(
            "position",
            existing_type=sa.BigInteger(),
            existing_nullable=False,
            comment="of the last row that was delivered",
        )
    with op.batch_alter_table("feed") as table:
        table.alter_column(
            "id",
            existing_type=sa.Integer(),
            existing_nullable=False,
            comment="of the stream: 1 results, 2 events of masking",
        )
    op.create_index("ix_mask_order_grace_until", "mask_order", ["grace_until"])
    op.create_index("ix_mask_code_hold_until", "mask_code", ["hold_until"])
    _calls()
    _events()


def _calls() -> None:
    op.create_table(
        "mask_call",
        sa.Column("id", sa.Uuid(), nullable=False, comment="in order of time; names the recording too"),
        sa.Column("begun_at", TIME, nullable=False),
        sa.Column("did", PHONE, nullable=False, comment="the number of ours that was dialled"),
        sa.Column("caller", PHONE, nullable=False, comment="E.164; empty: withheld"),
        sa.Column(
            "party", NAME, nullable=False, comment="whose calls are counted: a driver's id, or a phone"
        ),
        sa.Column(
            "role", sa.String(length=8), nullable=False, comment="the caller's: driver, client, stranger"
        ),
        sa.Column("rule", sa.String(length=24), nullable=False, comment="why it went where it went"),
        sa.Column("order_id", NAME, nullable=False, comment="empty: of no order"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the order, as it was seen"),
        sa.Column("coded", sa.Boolean(), nullable=False, comment="reached by the order's code"),
        sa.Column("back", sa.Boolean(), nullable=False, comment="we rang the caller first, as he asked"),
        sa.Column("peer", PHONE, nullable=False, comment="E.164; whom we dialled last"),
        sa.Column("show", PHONE, nullable=False, comment="what he saw"),
        sa.Column("trunk", NAME, nullable=False, comment="by which he was dialled"),
        sa.Column("dialled_at", TIME, nullable=True),
        sa.Column("answered_at", TIME, nullable=True),
        sa.Column("joined_at", TIME, nullable=True, comment="of a recorded call: from then on they talk"),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, comment="wrong codes"),
        sa.Column("recording", sa.String(length=8), nullable=False),
        sa.Column("sha256", NAME, nullable=False, comment="of the recording"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="of the recording"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mask_call")),
    )
    op.create_index("ix_mask_call_order_id", "mask_call", ["order_id", "id"])
    op.create_index("ix_mask_call_party", "mask_call", ["party", "begun_at"])
    op.create_index("ix_mask_call_caller", "mask_call", ["caller", "begun_at"])
    op.create_index("ix_mask_call_recording", "mask_call", ["recording"])


def _events() -> None:
    op.create_table(
        "mask_event",
        sa.Column("id", sa.Uuid(), nullable=False, comment="in order of time"),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=True,
            comment="in the order of telling; none: not numbered yet",
        ),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("order_id", NAME, nullable=False, comment="empty: of no order"),
        sa.Column("body", JSON, nullable=False, comment="what else is told; no phone of anybody"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mask_event")),
    )
    op.create_index("ix_mask_event_position", "mask_event", ["position"])
