from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('onboarding', '0003_openings')]

    initial = False

    operations = [
        ops.AddField(
            model_name='OpeningRow',
            name='closed_on',
            field=fields.DateField(null=True),
        ),
        ops.AddIndex(
            model_name='OpeningRow',
            index=Index(fields=['closed_on']),
        ),
        ops.AddConstraint(
            model_name='OpeningRow',
            constraint=CheckConstraint(check="closed_on IS NULL OR state = 'OPENED'", name='onboarding_closed_account'),
        ),
    ]
