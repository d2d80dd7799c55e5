from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('platform', '0003_answers_of_persons')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='StoredAnswer',
            index=Index(fields=['answered_at']),
        ),
    ]
