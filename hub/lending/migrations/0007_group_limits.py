from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0006_auctions')]

    initial = False

    operations = [
        ops.CreateModel(
            name='GroupMemberRow',
            fields=[
                ('uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('group_id', fields.CharField(max_length=64)),
                ('since', UtcDatetimeField()),
            ],
            options={'table': 'lending_group_member', 'app': 'lending', 'indexes': [Index(fields=['group_id'])], 'pk_attr': 'uscc', 'table_description': 'The group of companies that an enterprise belongs to, as an operator registered it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LimitHoldRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('reference', fields.CharField(max_length=64)),
                ('limit', fields.ForeignKeyField('lending.LimitRow', source_field='limit_id', db_index=True, db_constraint=True, to_field='limit_id', related_name='holds', on_delete=OnDelete.RESTRICT)),
            ],
            options={'table': 'lending_limit_hold', 'app': 'lending', 'unique_together': (('reference', 'limit'),), 'pk_attr': 'id', 'table_description': "A further limit of which a use holds its amounts: the supplier's, the core enterprise's, its group's, the"},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='LimitRow',
            options={'table': 'lending_limit', 'app': 'lending', 'constraints': [CheckConstraint(check='blocked_fen >= 0 AND utilised_fen >= 0', name='lending_limit_not_negative'), CheckConstraint(check='blocked_fen + utilised_fen <= limit_fen', name='lending_limit_kept')], 'pk_attr': 'limit_id', 'table_description': 'A credit limit, see `limits.Dimension`: what of it is blocked by applications and utilised by loans, in fen.'},
        ),
        ops.AddField(
            model_name='LimitRow',
            name='dimension',
            field=fields.CharField(db_default='PARTY', max_length=10),
        ),
        ops.AlterModelOptions(
            name='LimitUseRow',
            options={'table': 'lending_limit_use', 'app': 'lending', 'constraints': [CheckConstraint(check='blocked_fen >= 0 AND utilised_fen >= 0', name='lending_limit_use_not_negative')], 'indexes': [Index(fields=['buyer_uscc'])], 'pk_attr': 'reference', 'table_description': "What one application or loan holds, in fen, of its party's limit for the product and of each limit that"},
        ),
        ops.AddField(
            model_name='LimitUseRow',
            name='buyer_uscc',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddIndex(
            model_name='LimitUseRow',
            index=Index(fields=['buyer_uscc']),
        ),
    ]
