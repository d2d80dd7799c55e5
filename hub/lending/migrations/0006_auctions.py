from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0005_order_loans')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuctionRow',
            fields=[
                ('auction_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('certificate_id', fields.CharField(max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('holder_uscc', fields.CharField(max_length=64)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('principal_fen', fields.BigIntField()),
                ('highest_rate', fields.CharField(max_length=20)),
                ('due_date', fields.DateField()),
                ('closes_at', UtcDatetimeField()),
                ('reveals_until', UtcDatetimeField()),
                ('claim_id', fields.CharField(null=True, max_length=64)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_auction', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('certificate_id',), name='lending_auction_one_live', condition="state IN ('OPEN', 'AWARDED')"), CheckConstraint(check='closes_at < reveals_until', name='lending_auction_times')], 'indexes': [Index(fields=['state', 'reveals_until']), Index(fields=['claim_id']), Index(fields=['holder_uscc', 'created_at', 'auction_id'])], 'pk_attr': 'auction_id', 'table_description': 'One auction of a loan on a certificate. Rates are decimal text.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='BidRow',
            fields=[
                ('bid_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('auction', fields.ForeignKeyField('lending.AuctionRow', source_field='auction_id', db_constraint=True, to_field='auction_id', related_name='bids', on_delete=OnDelete.RESTRICT)),
                ('funder', fields.CharField(max_length=64)),
                ('commitment', fields.BinaryField()),
                ('sequence', fields.IntField()),
                ('state', fields.CharField(max_length=10)),
                ('annual_rate', fields.CharField(null=True, max_length=20)),
                ('placed_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_bid', 'app': 'lending', 'unique_together': (('auction', 'funder'), ('auction', 'sequence')), 'pk_attr': 'bid_id', 'table_description': 'One sealed bid; a funder has one in an auction. `annual_rate` is empty until it is revealed.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='FunderRow',
            fields=[
                ('uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('admitted_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_funder', 'app': 'lending', 'pk_attr': 'uscc', 'table_description': 'An enterprise that may bid for receivables, as an operator admitted it.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='LoanRow',
            name='funder',
            field=fields.CharField(null=True, max_length=64),
        ),
    ]
