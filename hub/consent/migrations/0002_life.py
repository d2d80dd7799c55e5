from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('consent', '0001_initial')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='ConsentRow',
            options={'table': 'consent_consent', 'app': 'consent', 'indexes': [Index(fields=['subject', 'requested_at', 'id'])], 'pk_attr': 'id', 'table_description': 'The newest granted version of a consent, or its first draft; `signed` is empty until it is granted.'},
        ),
        ops.AddField(model_name='ConsentRow', name='signer', field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name='ConsentRow', name='delegation', field=fields.BinaryField(null=True)),
        ops.AddField(model_name='ConsentRow', name='stopped', field=fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
        ops.AddField(model_name='ConsentRow', name='pause_id', field=fields.CharField(null=True, max_length=32)),
        ops.AddField(model_name='ConsentRow', name='paused_by', field=fields.CharField(null=True, max_length=64)),
        ops.AddIndex(model_name='ConsentRow', index=Index(fields=['signer', 'requested_at', 'id'])),
        ops.CreateModel(
            name='VersionRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=72)),
                ('state', fields.CharField(max_length=12)),
                ('artefact', fields.BinaryField()),
                ('agencies', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('signed', fields.BinaryField(null=True)),
                ('delegation', fields.BinaryField(null=True)),
                ('granted_at', UtcDatetimeField(null=True)),
                ('ended_at', UtcDatetimeField(null=True)),
                ('reads', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
            ],
            options={'table': 'consent_version', 'app': 'consent', 'pk_attr': 'id', 'table_description': 'Another version of a consent than the one in force, id "<consent>/<version>": a draft to be signed (REQUESTED),'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NoticeRow',
            fields=[
                ('cursor', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('consent_id', fields.CharField(max_length=64)),
                ('change', fields.CharField(max_length=16)),
                ('at', UtcDatetimeField()),
                ('version', fields.IntField()),
                ('dataset_id', fields.CharField(null=True, max_length=128)),
                ('pause_id', fields.CharField(null=True, max_length=32)),
                ('artefact_sha256', fields.BinaryField(null=True)),
                ('resumption', fields.BinaryField(null=True)),
            ],
            options={'table': 'consent_notice', 'app': 'consent', 'indexes': [Index(fields=['consent_id', 'cursor'])], 'pk_attr': 'cursor', 'table_description': 'One change that edges must know of. Cursors grow without gaps in commit order, so a reader that has seen n has'},
            bases=['Model'],
        ),
        # The revocations keep their cursors: edges go on where they were.
        ops.RunSQL(
            'INSERT INTO consent_notice (cursor, consent_id, change, at, version)'
            " SELECT cursor, consent_id, 'REVOKED', revoked_at, 1 FROM consent_revocation"
        ),
        ops.DeleteModel(name='RevocationRow'),
    ]
