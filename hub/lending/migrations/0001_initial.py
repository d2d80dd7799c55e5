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
            name='ClaimRow',
            fields=[
                ('claim_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=10)),
            ],
            options={'table': 'lending_claim', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('receivable_id',), name='lending_claim_one_live', condition="state IN ('PENDING', 'FINANCED')")], 'pk_attr': 'claim_id', 'table_description': "Our lock on a receivable's invoice. At most one lives per receivable; the certificates over it share it."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ClearingRow',
            fields=[
                ('receivable_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('overdue', fields.BooleanField()),
                ('overdue_since', fields.DateField()),
            ],
            options={'table': 'lending_clearing', 'app': 'lending', 'indexes': [Index(fields=['buyer_uscc', 'overdue'])], 'pk_attr': 'receivable_id', 'table_description': 'A receivable whose buyer did not pay on the due date: since when, and whether it was paid later.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DecisionRow',
            fields=[
                ('decision_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('subject', fields.CharField(null=True, max_length=64)),
                ('rule_table', fields.CharField(max_length=64)),
                ('rule_version', fields.IntField()),
                ('table_sha256', fields.BinaryField()),
                ('facts', fields.BinaryField()),
                ('approved', fields.BooleanField()),
                ('reason_codes', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('offer', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('decided_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_decision', 'app': 'lending', 'pk_attr': 'decision_id', 'table_description': "One decision with the facts it was made on, to be replayed. A person's facts are encrypted for them."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='FinancingRow',
            fields=[
                ('financing_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('certificate_id', fields.CharField(max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('applicant_uscc', fields.CharField(max_length=64)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('product_id', fields.CharField(max_length=32)),
                ('principal_fen', fields.BigIntField()),
                ('interest_fen', fields.BigIntField()),
                ('fee_fen', fields.BigIntField()),
                ('annual_rate', fields.CharField(max_length=20)),
                ('apr', fields.CharField(max_length=20)),
                ('value_date', fields.DateField()),
                ('due_date', fields.DateField()),
                ('terms', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('decision_id', fields.CharField(max_length=64)),
                ('claim_id', fields.CharField(null=True, max_length=64)),
                ('loan_id', fields.CharField(null=True, max_length=64)),
                ('offer_expires_at', UtcDatetimeField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_financing', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('certificate_id',), name='lending_financing_one_live', condition="state IN ('SUBMITTED', 'CHECKED', 'OFFERED', 'ACCEPTED', 'SIGNED')"), CheckConstraint(check="(state = 'DISBURSED') = (loan_id IS NOT NULL)", name='lending_financing_has_loan')], 'indexes': [Index(fields=['applicant_uscc', 'created_at', 'financing_id']), Index(fields=['claim_id']), Index(fields=['state', 'offer_expires_at'])], 'pk_attr': 'financing_id', 'table_description': 'One application for a loan on a certificate, with the offer made on it. Rates are decimal text.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='FlashRow',
            fields=[
                ('application_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('subject', fields.CharField(max_length=64)),
                ('consent_id', fields.CharField(max_length=64)),
                ('limit_fen', fields.BigIntField()),
                ('contract', fields.BinaryField()),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('rule_version', fields.CharField(max_length=80)),
                ('decision_id', fields.CharField(max_length=64)),
                ('loan_id', fields.CharField(null=True, max_length=64)),
                ('offer_expires_at', UtcDatetimeField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_flash', 'app': 'lending', 'constraints': [CheckConstraint(check="(state = 'DISBURSED') = (loan_id IS NOT NULL)", name='lending_flash_has_loan')], 'indexes': [Index(fields=['state', 'offer_expires_at'])], 'pk_attr': 'application_id', 'table_description': 'One application for a flash loan. `contract` is the canonical text that the person signs, empty when rejected.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LimitRow',
            fields=[
                ('limit_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('limit_fen', fields.BigIntField()),
                ('blocked_fen', fields.BigIntField()),
                ('utilised_fen', fields.BigIntField()),
            ],
            options={'table': 'lending_limit', 'app': 'lending', 'constraints': [CheckConstraint(check='blocked_fen >= 0 AND utilised_fen >= 0', name='lending_limit_not_negative'), CheckConstraint(check='blocked_fen + utilised_fen <= limit_fen', name='lending_limit_kept')], 'pk_attr': 'limit_id', 'table_description': 'A credit limit of a party for a product: what of it is blocked by applications and utilised by loans, in fen.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LimitUseRow',
            fields=[
                ('reference', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('limit', fields.ForeignKeyField('lending.LimitRow', source_field='limit_id', db_index=True, db_constraint=True, to_field='limit_id', related_name='uses', on_delete=OnDelete.RESTRICT)),
                ('blocked_fen', fields.BigIntField()),
                ('utilised_fen', fields.BigIntField()),
            ],
            options={'table': 'lending_limit_use', 'app': 'lending', 'constraints': [CheckConstraint(check='blocked_fen >= 0 AND utilised_fen >= 0', name='lending_limit_use_not_negative')], 'pk_attr': 'reference', 'table_description': 'What one application or loan holds of a limit, in fen.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LoanRow',
            fields=[
                ('loan_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('borrower', fields.CharField(max_length=64)),
                ('is_person', fields.BooleanField()),
                ('product_id', fields.CharField(max_length=32)),
                ('revolving', fields.BooleanField()),
                ('limit_fen', fields.BigIntField()),
                ('terms', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('maturity', fields.DateField()),
                ('certificate_id', fields.CharField(null=True, max_length=64)),
                ('financing_id', fields.CharField(null=True, max_length=64)),
                ('claim_id', fields.CharField(null=True, max_length=64)),
                ('closed', fields.BooleanField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_loan', 'app': 'lending', 'indexes': [Index(fields=['borrower', 'created_at', 'loan_id']), Index(fields=['claim_id']), Index(fields=['certificate_id'])], 'pk_attr': 'loan_id', 'table_description': 'One loan: terms as signed. Everything else about it follows from its events.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LoanEventRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('loan', fields.ForeignKeyField('lending.LoanRow', source_field='loan_id', db_constraint=True, to_field='loan_id', related_name='events', on_delete=OnDelete.RESTRICT)),
                ('sequence', fields.IntField()),
                ('kind', fields.CharField(max_length=12)),
                ('value_date', fields.DateField()),
                ('amount_fen', fields.BigIntField()),
                ('fees_part_fen', fields.BigIntField()),
                ('interest_part_fen', fields.BigIntField()),
                ('principal_part_fen', fields.BigIntField()),
                ('booked_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_loan_event', 'app': 'lending', 'unique_together': (('loan', 'sequence'),), 'constraints': [CheckConstraint(check='amount_fen > 0', name='lending_loan_event_amount'), CheckConstraint(check="kind <> 'REPAYMENT' OR fees_part_fen + interest_part_fen + principal_part_fen = amount_fen", name='lending_loan_event_spread')], 'pk_attr': 'id', 'table_description': 'One event of a loan as booked; triggers refuse to change it. The parts are what it paid then, in fen.'},
            bases=['Model'],
        ),
    ]
