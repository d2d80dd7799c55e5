from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('receivables', '0003_fraud_findings')]

    initial = False

    operations = [
        ops.AddField(
            model_name='CertificateRow',
            name='redeemed_fen',
            field=fields.BigIntField(db_default=0),
        ),
        ops.RunSQL("UPDATE receivables_certificate SET redeemed_fen = amount_fen WHERE state = 'REDEEMED'"),
        ops.AddConstraint(
            model_name='CertificateRow',
            constraint=CheckConstraint(check='redeemed_fen >= 0 AND redeemed_fen <= amount_fen', name='receivables_certificate_redeemed_within_amount'),
        ),
        ops.AddConstraint(
            model_name='CertificateRow',
            constraint=CheckConstraint(check="(state = 'REDEEMED') = (redeemed_fen = amount_fen) AND (redeemed_fen = 0 OR state IN ('DUE', 'REDEEMED'))", name='receivables_certificate_redeemed_when_due'),
        ),
        ops.AddField(
            model_name='ReceivableRow',
            name='direct_fen',
            field=fields.BigIntField(db_default=0),
        ),
        # Whatever was settled was paid in full: there were no part payments.
        ops.RunSQL("UPDATE receivables_receivable SET direct_fen = amount_fen - issued_fen WHERE state = 'SETTLED'"),
        ops.AddConstraint(
            model_name='ReceivableRow',
            constraint=CheckConstraint(check='direct_fen >= 0 AND direct_fen <= amount_fen - issued_fen', name='receivables_direct_within_rest'),
        ),
        ops.AddConstraint(
            model_name='ReceivableRow',
            constraint=CheckConstraint(check="state <> 'SETTLED' OR redeemed_fen + direct_fen = amount_fen", name='receivables_settled_is_paid'),
        ),
    ]
