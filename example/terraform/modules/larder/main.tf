# Larder's layer, and what a function needs to use it: a policy and variables.

resource "aws_lambda_layer_version" "larder" {
  layer_name               = var.layer_name
  description              = "Larder: a function's secrets, prefetched, on localhost"
  filename                 = var.layer_zip
  source_code_hash         = filebase64sha256(var.layer_zip)
  compatible_architectures = [var.architecture]
  skip_destroy             = var.skip_destroy

  # The function gets the new version before the old one is deleted.
  lifecycle {
    create_before_destroy = true
  }
}

data "aws_iam_policy_document" "larder" {
  statement {
    sid       = "LarderReadsSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [var.kms_key_arns] : []
    content {
      sid       = "LarderDecryptsSecrets"
      actions   = ["kms:Decrypt"]
      resources = statement.value

      # The keys open these secrets and nothing else that they have locked.
      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:SecretARN"
        values   = var.secret_arns
      }
    }
  }

  dynamic "statement" {
    for_each = var.allow_batch ? ["*"] : []
    content {
      sid       = "LarderReadsSecretsTogether"
      actions   = ["secretsmanager:BatchGetSecretValue"]
      resources = [statement.value]
    }
  }
}
