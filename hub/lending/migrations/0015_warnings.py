from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0014_dealer_loans')]

    initial = False

    operations = [
        ops.CreateModel(
            name='WarningRoundRow',
            fields=[
                ('round_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('rule_version', fields.IntField()),
                ('found', fields.IntField()),
                ('evaluated_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_warning_round', 'app': 'lending', 'pk_attr': 'round_id', 'table_description': 'That a rule was evaluated on a business day, in which version, and how many warnings it gave.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WarningRow',
            fields=[
                ('warning_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('rule', fields.CharField(max_length=32)),
                ('rule_version', fields.IntField()),
                ('rule_sha256', fields.BinaryField()),
                ('subject_kind', fields.CharField(max_length=10)),
                ('subject', fields.CharField(max_length=64)),
                ('business_day', fields.DateField()),
                ('level', fields.CharField(max_length=8)),
                ('facts', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(max_length=12)),
                ('acknowledged_by', fields.CharField(db_default='', max_length=64)),
                ('acknowledged_reason', fields.CharField(db_default='', max_length=500)),
                ('resolved_by', fields.CharField(db_default='', max_length=64)),
                ('resolved_reason', fields.CharField(db_default='', max_length=500)),
                ('changed_at', UtcDatetimeField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_warning', 'app': 'lending', 'unique_together': (('rule', 'subject_kind', 'subject', 'business_day'),), 'constraints': [UniqueConstraint(fields=('rule', 'subject_kind', 'subject'), name='lending_warning_one_open', condition="state IN ('RAISED', 'ACKNOWLEDGED')"), CheckConstraint(check="level IN ('WATCH', 'AMBER', 'RED')", name='lending_warning_level'), CheckConstraint(check="acknowledged_by <> '' OR state NOT IN ('ACKNOWLEDGED', 'RESOLVED')", name='lending_warning_acknowledged_by_somebody'), CheckConstraint(check="(state = 'RESOLVED') = (resolved_by <> '')", name='lending_warning_resolved_by_somebody')], 'indexes': [Index(fields=['subject', 'state']), Index(fields=['created_at', 'warning_id'])], 'pk_attr': 'warning_id', 'table_description': 'What a rule found about a subject on a business day, with the facts; at most one of a subject is open.'},
            bases=['Model'],
        ),
    ]
