from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('convenience', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PaidOverRow',
            fields=[
                ('payover_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('agency', fields.CharField(db_index=True, max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('journal_id', fields.CharField(max_length=160)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'convenience_paid_over', 'app': 'convenience', 'constraints': [CheckConstraint(check='amount_fen > 0', name='convenience_paid_over_amount')], 'pk_attr': 'payover_id', 'table_description': 'What was owed to an agency and went to its treasury account; never changed (triggers).'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='PaymentRow',
            name='decided_by',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='PaymentRow',
            name='proposal',
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='PaymentRow',
            name='proposed_by',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddConstraint(
            model_name='PaymentRow',
            constraint=CheckConstraint(check='decided_by IS NULL OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)', name='convenience_payment_four_eyes'),
        ),
    ]
