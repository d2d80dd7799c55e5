from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='PaymentRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=130)),
                ('subject', fields.CharField(max_length=64)),
                ('request_id', fields.CharField(max_length=64)),
                ('consent_id', fields.CharField(max_length=64)),
                ('action_id', fields.CharField(max_length=100)),
                ('agency', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('reserved_fen', fields.BigIntField()),
                ('paid_fen', fields.BigIntField()),
                ('details', fields.BinaryField(null=True)),
                ('ordered_at', UtcDatetimeField()),
                ('settled_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'convenience_payment', 'app': 'convenience', 'constraints': [CheckConstraint(check='reserved_fen >= 0 AND paid_fen >= 0 AND paid_fen <= reserved_fen', name='convenience_payment_within_reserve'), CheckConstraint(check="(state = 'PAID') OR (paid_fen = 0)", name='convenience_payment_paid_is_paid')], 'indexes': [Index(fields=['subject', 'ordered_at', 'id']), Index(fields=['state', 'ordered_at'])], 'pk_attr': 'id', 'table_description': 'One payment; id "<subject>/<request id>". `details` (receipt number, agency\'s reason) is encrypted under the'},
            bases=['Model'],
        ),
    ]
