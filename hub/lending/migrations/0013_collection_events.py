from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0012_registrations')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CollectionEventRow',
            fields=[
                ('event_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('step', fields.CharField(max_length=32)),
                ('days_overdue', fields.IntField()),
                ('raised_on', fields.DateField()),
                ('resolved_at', UtcDatetimeField(null=True)),
                ('resolved_by', fields.CharField(max_length=64)),
                ('note', fields.CharField(max_length=500)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_collection_event', 'app': 'lending', 'constraints': [CheckConstraint(check='days_overdue > 0', name='lending_collection_event_late'), CheckConstraint(check="(resolved_at IS NULL) = (resolved_by = '')", name='lending_collection_event_resolved_by_somebody')], 'indexes': [Index(fields=['receivable_id', 'created_at', 'event_id']), Index(fields=['created_at', 'event_id'])], 'pk_attr': 'event_id', 'table_description': 'One step of collection on one overdue receivable, id "<receivable>:<step>": each is raised once.'},
            bases=['Model'],
        ),
    ]
