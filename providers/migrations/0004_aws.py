from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_formats"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="auth_type",
            field=models.CharField(
                choices=[("api_key", "API key"), ("aws", "AWS access key"), ("none", "None")],
                default="api_key",
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="base_url",
            field=models.CharField(
                help_text="With the version segment, such as http://127.0.0.1:11434/v1; {region} is the connection's.",
                max_length=500,
            ),
        ),
    ]
