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
    dependencies = [('lending', '0004_immutable_details')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ConversionRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=129)),
                ('loan_id', fields.CharField(max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('claim_id', fields.CharField(max_length=64)),
                ('receivable_loan_id', fields.CharField(null=True, max_length=64)),
                ('principal_fen', fields.BigIntField()),
                ('lent_fen', fields.BigIntField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_conversion', 'app': 'lending', 'indexes': [Index(fields=['loan_id', 'created_at']), Index(fields=['claim_id']), Index(fields=['receivable_id']), Index(fields=['receivable_loan_id'])], 'pk_attr': 'id', 'table_description': 'A confirmed receivable that takes over its part of an order loan, id "<loan>:<receivable>": PENDING until its'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OrderLoanRow',
            fields=[
                ('loan_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('order_document_id', fields.CharField(max_length=200)),
                ('order_number', fields.CharField(max_length=200)),
                ('applicant_uscc', fields.CharField(max_length=64)),
                ('product_id', fields.CharField(max_length=32)),
                ('principal_fen', fields.BigIntField()),
                ('interest_fen', fields.BigIntField()),
                ('fee_fen', fields.BigIntField()),
                ('annual_rate', fields.CharField(max_length=20)),
                ('apr', fields.CharField(max_length=20)),
                ('value_date', fields.DateField()),
                ('due_date', fields.DateField()),
                ('terms', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('converted_rate', fields.CharField(max_length=20)),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('decision_id', fields.CharField(max_length=64)),
                ('claim_id', fields.CharField(null=True, max_length=64)),
                ('offer_expires_at', UtcDatetimeField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_order_loan', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('buyer_uscc', 'order_document_id'), name='lending_order_loan_one_live', condition="state IN ('OFFERED', 'SIGNED', 'DISBURSED')")], 'indexes': [Index(fields=['applicant_uscc', 'created_at', 'loan_id']), Index(fields=['claim_id']), Index(fields=['state', 'offer_expires_at'])], 'pk_attr': 'loan_id', 'table_description': 'One application for a loan on an order, with the offer made on it. Rates are decimal text.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OrderLineRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('loan', fields.ForeignKeyField('lending.OrderLoanRow', source_field='loan_id', db_constraint=True, to_field='loan_id', related_name='lines', on_delete=OnDelete.RESTRICT)),
                ('line_id', fields.CharField(max_length=200)),
                ('ordered_fen', fields.BigIntField()),
                ('principal_fen', fields.BigIntField()),
                ('delivered_fen', fields.BigIntField()),
                ('cancelled_fen', fields.BigIntField()),
                ('converted_fen', fields.BigIntField()),
                ('called_fen', fields.BigIntField()),
                ('billed_before_fen', fields.BigIntField()),
            ],
            options={'table': 'lending_order_line', 'app': 'lending', 'unique_together': (('loan', 'line_id'),), 'constraints': [CheckConstraint(check='delivered_fen + cancelled_fen <= ordered_fen', name='lending_order_line_goods'), CheckConstraint(check='converted_fen + called_fen <= principal_fen', name='lending_order_line_principal')], 'pk_attr': 'id', 'table_description': 'One line of an order under a loan, in fen: see `order_rules.OrderLine`.'},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='ClaimRow',
            options={'table': 'lending_claim', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('receivable_id',), name='lending_claim_one_live', condition="state IN ('PENDING', 'FINANCED')")], 'pk_attr': 'claim_id', 'table_description': 'Our lock on a receivable\'s invoice, or on an order ("order:<loan>"). At most one lives for each; the certificates'},
        ),
        ops.AlterField(
            model_name='ClaimRow',
            name='receivable_id',
            field=fields.CharField(max_length=70),
        ),
    ]
