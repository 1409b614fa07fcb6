import { App, Duration, Stack } from "aws-cdk-lib";
import { Architecture, Code, Function, LayerVersion, ParamsAndSecretsLayerVersion, ParamsAndSecretsLogLevel, Runtime } from "aws-cdk-lib/aws-lambda";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";

const app = new App();
const stack = new Stack(app, "LarderExample");

// Of the layer, as make publish prints it: cdk deploy --context larder=ARN
const larder: string | undefined = app.node.tryGetContext("larder");
if (!larder) throw new Error("there is no layer: add --context larder=ARN, with what make publish printed");
const secret = Secret.fromSecretNameV2(stack, "Secret", "my-api-key");

const common = { runtime: Runtime.NODEJS_22_X, handler: "index.handler", architecture: Architecture.ARM_64 };

// With the layer and one variable.
const byLayer = new Function(stack, "ByLayer", {
  ...common,
  code: Code.fromInline(`exports.handler = async () => {
  const port = process.env.LARDER_PORT ?? 2773;
  const answer = await fetch("http://127.0.0.1:" + port + "/secret?name=my-api-key", {
    headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN },
  });
  if (!answer.ok) throw new Error(await answer.text());
  return { length: (await answer.text()).length };
};
`),
  layers: [LayerVersion.fromLayerVersionArn(stack, "Larder", larder)],
  environment: { LARDER_SECRETS: "my-api-key" },
});
secret.grantRead(byLayer);

// With CDK's own switch for AWS's extension, and code that was written for that
// one: the ARN alone is another. LARDER_SECRETS adds the prefetch.
const bySwitch = new Function(stack, "BySwitch", {
  ...common,
  code: Code.fromInline(`exports.handler = async () => {
  const port = process.env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT;
  const answer = await fetch("http://localhost:" + port + "/secretsmanager/get?secretId=my-api-key", {
    headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN },
  });
  if (!answer.ok) throw new Error(await answer.text());
  return { length: (await answer.json()).SecretString.length };
};
`),
  paramsAndSecrets: ParamsAndSecretsLayerVersion.fromVersionArn(larder, {
    cacheSize: 500,
    logLevel: ParamsAndSecretsLogLevel.WARN,
    secretsManagerTtl: Duration.minutes(2),
  }),
  environment: { LARDER_SECRETS: "my-api-key" },
});
secret.grantRead(bySwitch);
