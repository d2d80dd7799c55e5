from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('lending', '0002_immutable')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LoanDetailRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('loan', fields.ForeignKeyField('lending.LoanRow', source_field='loan_id', db_constraint=True, to_field='loan_id', related_name='details', on_delete=OnDelete.RESTRICT)),
                ('sequence', fields.IntField()),
                ('content', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
            ],
            options={'table': 'lending_loan_detail', 'app': 'lending', 'unique_together': (('loan', 'sequence'),), 'pk_attr': 'id', 'table_description': 'What an event says beyond its amount, and what it changed in the spread of others; never changed (triggers).'},
            bases=['Model'],
        ),
    ]
