from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('lending', '0008_calls')]

    initial = False

    operations = [
        ops.AddField(
            model_name='DecisionRow',
            name='referred',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddIndex(
            model_name='DecisionRow',
            index=Index(fields=['decided_at', 'rule_table']),
        ),
    ]
