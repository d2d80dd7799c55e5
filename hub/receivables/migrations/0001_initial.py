from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='CursorRow',
            fields=[
                ('buyer_uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=18)),
                ('cursor', fields.CharField(max_length=256)),
            ],
            options={'table': 'receivables_cursor', 'app': 'receivables', 'pk_attr': 'buyer_uscc', 'table_description': "How far a buyer's ERP was read."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DocumentOrderRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('buyer_uscc', fields.CharField(max_length=18)),
                ('order_document_id', fields.CharField(max_length=200)),
                ('document_id', fields.CharField(max_length=200)),
            ],
            options={'table': 'receivables_document_order', 'app': 'receivables', 'unique_together': (('buyer_uscc', 'order_document_id', 'document_id'),), 'indexes': [Index(fields=['buyer_uscc', 'document_id'])], 'pk_attr': 'id', 'table_description': 'Which orders any version of a receipt or an invoice answered.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DocumentRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('buyer_uscc', fields.CharField(max_length=18)),
                ('document_id', fields.CharField(max_length=200)),
                ('version', fields.BigIntField()),
                ('kind', fields.CharField(max_length=16)),
                ('erp_state', fields.CharField(max_length=32)),
                ('content', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('content_sha256', fields.BinaryField()),
                ('is_current', fields.BooleanField()),
                ('imported_at', UtcDatetimeField()),
            ],
            options={'table': 'receivables_document', 'app': 'receivables', 'unique_together': (('buyer_uscc', 'document_id', 'version'),), 'constraints': [UniqueConstraint(fields=('buyer_uscc', 'document_id'), name='receivables_document_current', condition='is_current')], 'pk_attr': 'id', 'table_description': 'One version of a trade document. Never changed but for `is_current`, which moves to the newest version.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ReceivableRow',
            fields=[
                ('receivable_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=16)),
                ('buyer_uscc', fields.CharField(max_length=18)),
                ('supplier_uscc', fields.CharField(max_length=18)),
                ('supplier_name', fields.CharField(max_length=200)),
                ('invoice_document_id', fields.CharField(max_length=200)),
                ('invoice_number', fields.CharField(max_length=200)),
                ('invoice_key', fields.CharField(null=True, unique=True, max_length=240)),
                ('issue_date', fields.DateField()),
                ('due_date', fields.DateField()),
                ('amount_fen', fields.BigIntField()),
                ('issued_fen', fields.BigIntField()),
                ('redeemed_fen', fields.BigIntField()),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('evidence', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('confirmed_at', UtcDatetimeField(null=True)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'receivables_receivable', 'app': 'receivables', 'unique_together': (('buyer_uscc', 'invoice_document_id'),), 'constraints': [CheckConstraint(check='amount_fen > 0 AND issued_fen >= 0 AND issued_fen <= amount_fen', name='receivables_issued_within_amount'), CheckConstraint(check='redeemed_fen >= 0 AND redeemed_fen <= issued_fen', name='receivables_redeemed_within_issued'), CheckConstraint(check="issued_fen = 0 OR state IN ('CERTIFICATED', 'SETTLED', 'OVERDUE', 'DEFAULTED')", name='receivables_issued_when_certificated'), CheckConstraint(check="confirmed_at IS NOT NULL OR state IN ('DRAFT', 'MATCHED', 'DISPUTED', 'VOID')", name='receivables_confirmed_before_use'), CheckConstraint(check="invoice_key IS NOT NULL OR state IN ('DRAFT', 'VOID')", name='receivables_matched_owns_invoice')], 'indexes': [Index(fields=['buyer_uscc', 'created_at', 'receivable_id']), Index(fields=['supplier_uscc', 'created_at', 'receivable_id']), Index(fields=['state', 'due_date'])], 'pk_attr': 'receivable_id', 'table_description': 'One receivable.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CertificateRow',
            fields=[
                ('certificate_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('receivable', fields.ForeignKeyField('receivables.ReceivableRow', source_field='receivable_id', db_index=True, db_constraint=True, to_field='receivable_id', related_name='certificates', on_delete=OnDelete.RESTRICT)),
                ('parent', fields.ForeignKeyField('receivables.CertificateRow', source_field='parent_id', null=True, db_constraint=True, to_field='certificate_id', related_name='outputs', on_delete=OnDelete.RESTRICT)),
                ('output_index', fields.IntField()),
                ('state', fields.CharField(max_length=16)),
                ('issuer_uscc', fields.CharField(max_length=18)),
                ('holder_uscc', fields.CharField(max_length=18)),
                ('offered_by', fields.CharField(max_length=18)),
                ('amount_fen', fields.BigIntField()),
                ('due_date', fields.DateField()),
                ('financing_id', fields.CharField(null=True, max_length=64)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'receivables_certificate', 'app': 'receivables', 'unique_together': (('parent', 'output_index'),), 'constraints': [CheckConstraint(check='amount_fen > 0', name='receivables_certificate_amount'), CheckConstraint(check="financing_id IS NOT NULL OR state NOT IN ('BLOCKED', 'FINANCED')", name='receivables_certificate_blocked_for_one')], 'indexes': [Index(fields=['holder_uscc', 'created_at', 'certificate_id']), Index(fields=['issuer_uscc', 'created_at', 'certificate_id']), Index(fields=['offered_by', 'created_at', 'certificate_id'])], 'pk_attr': 'certificate_id', 'table_description': 'One certificate.'},
            bases=['Model'],
        ),
    ]
