"""Masking: numbers, orders, routes, codes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
DID = sa.String(length=16)
ORDER = sa.String(length=64)

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """New tables only."""
    op.create_table(
        "mask_number",
        sa.Column("did", DID, nullable=False, comment="E.164"),
        sa.Column(
            "shared", sa.Boolean(), nullable=False, comment="everybody's; else given to one order of a phone"
        ),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=False, comment="what carriers show beside it"),
        sa.Column("used_at", TIME, nullable=True, comment="when it was last given out"),
        sa.PrimaryKeyConstraint("did", name=op.f("pk_mask_number")),
    )
    op.create_table(
        "mask_order",
        sa.Column("id", ORDER, nullable=False, comment="as the dispatch calls it"),
        sa.Column("version", sa.Integer(), nullable=False, comment="only grows"),
        sa.Column("digest", ORDER, nullable=False, comment="SHA-256 of what was asked for"),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("driver", ORDER, nullable=False, comment="the dispatch's id of him"),
        sa.Column("client", ORDER, nullable=False, comment="a name for operators"),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("driver_dials", DID, nullable=False),
        sa.Column("client_dials", DID, nullable=False),
        sa.Column(
            "fallback", sa.Boolean(), nullable=False, comment="no number was free: reached by code only"
        ),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("grace_until", TIME, nullable=False),
        sa.Column(
            "ended", sa.String(length=12), nullable=False, comment="closed by the dispatch, or cancelled"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mask_order")),
    )
    op.create_index("ix_mask_order_driver", "mask_order", ["driver"])
    op.create_table(
        "mask_route",
        sa.Column("did", DID, nullable=False, comment="the number of ours that is dialled"),
        sa.Column("caller", DID, nullable=False),
        sa.Column("order_id", ORDER, nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False, comment="the caller's"),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("peers", JSON, nullable=False, comment="E.164, in the order in which they are called"),
        sa.Column("show", DID, nullable=False, comment="what the peer sees, and calls back"),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("bound_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("grace_until", TIME, nullable=False, comment="a driver's is closes_at"),
        sa.PrimaryKeyConstraint("did", "caller", "order_id", name=op.f("pk_mask_route")),
    )
    op.create_index("ix_mask_route_order_id", "mask_route", ["order_id"])
    op.create_index("ix_mask_route_grace_until", "mask_route", ["grace_until"])
    op.create_table(
        "mask_code",
        sa.Column("did", DID, nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False, comment="digits"),
        sa.Column("order_id", ORDER, nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False, comment="whoever keys it is taken for"),
        sa.Column("hold_until", TIME, nullable=False, comment="not given to another order before"),
        sa.PrimaryKeyConstraint("did", "code", name=op.f("pk_mask_code")),
    )
    op.create_index("ix_mask_code_order_id", "mask_code", ["order_id"])
