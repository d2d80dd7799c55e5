from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='QueryRow',
            fields=[
                ('record_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=160)),
                ('supervisor', fields.CharField(max_length=64)),
                ('question', fields.CharField(max_length=64)),
                ('parameters', fields.TextField(unique=False)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'supervision_query', 'app': 'supervision', 'indexes': [Index(fields=['created_at', 'record_id'])], 'pk_attr': 'record_id', 'table_description': 'One question; never whom it was about, if it was about somebody.'},
            bases=['Model'],
        ),
    ]
