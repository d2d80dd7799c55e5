from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('lending', '0016_erp_payments')]

    initial = False

    operations = [
        ops.AddField(
            model_name='RegistrationRow',
            name='attempt',
            field=fields.IntField(db_default=1),
        ),
        ops.AddField(
            model_name='RegistrationRow',
            name='debtor_name',
            field=fields.CharField(db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='RegistrationRow',
            name='grantor_name',
            field=fields.CharField(db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='RegistrationRow',
            name='outranked',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name='RegistrationRow',
            name='revision',
            field=fields.IntField(db_default=0),
        ),
    ]
