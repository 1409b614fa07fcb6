import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import vm from "node:vm";

const arn = "arn:aws:lambda:eu-west-1:123456789012:layer:larder-arm64:1";

let folder: string;
let resources: Record<string, { Type: string; Properties: any }>;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "larder-cdk-"));
  execFileSync("npx", ["cdk", "synth", "--quiet", "--context", `larder=${arn}`, "--output", join(folder, "out")], {
    env: { PATH: process.env.PATH, HOME: folder, CI: "1", CDK_DISABLE_CLI_TELEMETRY: "true" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  resources = JSON.parse(readFileSync(join(folder, "out", "LarderExample.template.json"), "utf8")).Resources;
});

after(() => rmSync(folder, { recursive: true }));

const named = (prefix: string, type: string) => {
  const found = Object.entries(resources).filter(([id, r]) => id.startsWith(prefix) && r.Type === type);
  assert.equal(found.length, 1, `${prefix}: ${found.map(([id]) => id)}`);
  return found[0][1].Properties;
};

for (const name of ["ByLayer", "BySwitch"]) {
  test(`${name}: layer and variables`, () => {
    const f = named(name, "AWS::Lambda::Function");
    assert.deepEqual(f.Layers, [arn]);
    // A test of the agent reads the same file.
    const want = JSON.parse(readFileSync(join(__dirname, "environment.json"), "utf8"));
    assert.deepEqual(f.Environment.Variables, want[name]);
  });

  test(`${name}: may read the one secret and nothing else`, () => {
    const { Statement: statements } = named(name + "ServiceRoleDefaultPolicy", "AWS::IAM::Policy").PolicyDocument;
    assert.equal(statements.length, 1);
    assert.deepEqual(statements[0].Action, ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]);
    assert.match(JSON.stringify(statements[0].Resource), /:secret:my-api-key-\?\?\?\?\?\?"/);
  });
}

const program = process.env.LARDER_PROGRAM;

test("both handlers read the secret", { skip: program ? false : "LARDER_PROGRAM is not set: it is the sidecar's path" }, async () => {
  const port = String(await freePort());
  const secrets = join(folder, "secrets.json");
  writeFileSync(secrets, JSON.stringify({ "my-api-key": "abc123" }), { mode: 0o600 });
  const sidecar = spawn(program!, ["serve"], { env: { LARDER_PORT: port, LARDER_FILE: secrets, AWS_TOKEN: "a-token-of-the-test" } });
  try {
    await new Promise<void>((resolve) => sidecar.stderr.once("data", () => resolve())); // it greets once it listens
    for (const name of ["ByLayer", "BySwitch"]) {
      const module = { exports: {} as { handler: () => Promise<unknown> } };
      const env = { AWS_SESSION_TOKEN: "a-token-of-the-test", LARDER_PORT: port, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: port };
      vm.runInNewContext(named(name, "AWS::Lambda::Function").Code.ZipFile, { exports: module.exports, fetch, process: { env }, Error });
      assert.deepEqual(JSON.stringify(await module.exports.handler()), '{"length":6}', name);
    }
  } finally {
    sidecar.kill();
    await new Promise((resolve) => sidecar.once("exit", resolve));
  }
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
