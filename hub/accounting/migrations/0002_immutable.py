from tortoise import migrations
from tortoise.migrations import operations as ops

_TABLES = ("accounting_journal", "accounting_line")


async def refuse_changes(_apps, schema_editor):
    """Journals and lines are only ever added: the database itself refuses to change or delete one."""
    sqlite = schema_editor.client.capabilities.dialect == "sqlite"
    for statement in _sqlite() if sqlite else _postgres():
        await schema_editor.client.execute_script(statement)


def _sqlite():
    for table in _TABLES:
        for action in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is immutable'); END"
            )


def _postgres():
    yield (
        "CREATE FUNCTION accounting_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = '23000'; END $$"
    )
    for table in _TABLES:
        yield (
            f"CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION accounting_refuse_change()"
        )


class Migration(migrations.Migration):
    dependencies = [("accounting", "0001_initial")]
    operations = [ops.RunPython(refuse_changes)]
