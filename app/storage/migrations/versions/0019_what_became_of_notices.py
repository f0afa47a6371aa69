"""What became of each notice, and a link for each mail."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cd_approval_notices") as table:
        table.add_column(sa.Column("mail_id", sa.String(36), nullable=True))
        table.add_column(sa.Column("unsent", sa.String(20), nullable=True))
    op.create_index("ix_cd_approval_notices_unsent_person_id", "cd_approval_notices", ["unsent", "person_id"])
    with op.batch_alter_table("cd_approval_links") as table:
        table.drop_constraint("uq_cd_approval_links_task_id_person_id", type_="unique")
    op.create_index("ix_cd_approval_links_task_id_person_id", "cd_approval_links", ["task_id", "person_id"])


def downgrade() -> None:
    """The older release has one link for a task and a person: the last one stays."""
    op.drop_index("ix_cd_approval_links_task_id_person_id", "cd_approval_links")
    op.execute(
        "DELETE FROM cd_approval_links WHERE id NOT IN "
        "(SELECT MAX(id) FROM cd_approval_links GROUP BY task_id, person_id)"
    )
    with op.batch_alter_table("cd_approval_links") as table:
        table.create_unique_constraint("uq_cd_approval_links_task_id_person_id", ["task_id", "person_id"])
    op.drop_index("ix_cd_approval_notices_unsent_person_id", "cd_approval_notices")
    with op.batch_alter_table("cd_approval_notices") as table:
        table.drop_column("unsent")
        table.drop_column("mail_id")
