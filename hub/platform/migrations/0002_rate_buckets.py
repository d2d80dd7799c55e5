from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('platform', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RateBucket',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=200)),
                ('full_at_us', fields.BigIntField(db_index=True)),
                ('granted', fields.IntField()),
            ],
            options={'table': 'platform_rate_bucket', 'app': 'platform', 'pk_attr': 'name', 'table_description': 'How full one bucket of calls is: it is full again at `full_at_us` (microseconds since 1970). A full bucket has no'},
            bases=['Model'],
        ),
    ]
