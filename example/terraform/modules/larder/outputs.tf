output "layer_arn" {
  description = "The ARN of the layer's version, for the function's layers."
  value       = aws_lambda_layer_version.larder.arn
}

output "policy_json" {
  description = "The policy that the function's role needs."
  value       = data.aws_iam_policy_document.larder.json
}

output "environment" {
  description = "The variables that the function needs."
  value       = merge({ LARDER_SECRETS = join(",", var.secret_arns) }, var.settings)
}
