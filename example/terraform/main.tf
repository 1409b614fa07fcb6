# A function that reads a secret from Larder. The module makes the layer; the
# three lines marked "Larder" attach it.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31, < 7.0"
    }
  }
}

variable "layer_zip" {
  description = "What `make layer` writes, for arm64."
  type        = string
  default     = "../../dist/larder-layer-arm64.zip"
}

variable "function_zip" {
  description = "A zip of the function: of example/go, built for arm64 and named bootstrap."
  type        = string
}

module "larder" {
  source      = "./modules/larder"
  layer_zip   = var.layer_zip
  secret_arns = [aws_secretsmanager_secret.signing_key.arn]
}

resource "aws_lambda_function" "example" {
  function_name    = "larder-example"
  role             = aws_iam_role.example.arn
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  layers           = [module.larder.layer_arn] # Larder

  environment {
    variables = merge(module.larder.environment, { # Larder
      SIGNING_KEY = aws_secretsmanager_secret.signing_key.arn
    })
  }

  # INIT reads the secret, so the permission comes first.
  depends_on = [aws_iam_role_policy.larder]
}

resource "aws_iam_role_policy" "larder" {
  name   = "larder"
  role   = aws_iam_role.example.id
  policy = module.larder.policy_json # Larder
}

resource "aws_iam_role" "example" {
  name               = "larder-example"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.example.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

# Its value is put there by other means, since Terraform would keep a copy in its
# state: aws secretsmanager put-secret-value --secret-id larder-example/signing-key --secret-string ...
resource "aws_secretsmanager_secret" "signing_key" {
  name                    = "larder-example/signing-key"
  recovery_window_in_days = 0 # an example: destroy is meant
}
