// Reads a secret through a cache in the function and prints how long the reads
// took: the first, with the loading of the library, and those that the cache
// answers. PEER is powertools or middy; the latter is a middleware, so that what is
// timed is a call of a handler that it wraps.
const reads = Number(process.env.READS);

const peers = {
  powertools: async () => {
    const { getSecret } = await import("@aws-lambda-powertools/parameters/secrets");
    return () => getSecret("small", { maxAge: 300 });
  },
  middy: async () => {
    const { default: middy } = await import("@middy/core");
    const { default: secretsManager } = await import("@middy/secrets-manager");
    const handler = middy()
      .use(secretsManager({ fetchData: { key: "small" }, cacheExpiry: 300_000, disablePrefetch: true, setToContext: true }))
      .handler(async (_event, context) => context.key);
    return () => handler({}, { getRemainingTimeInMillis: () => 3000 });
  },
};

const microseconds = (began) => Number(process.hrtime.bigint() - began) / 1000;
let began = process.hrtime.bigint();
const read = await peers[process.env.PEER]();
if (!String(await read()).startsWith("value-of-a-secret")) throw new Error("no value");
const first = microseconds(began);
const took = [];
for (let i = 0; i < reads; i++) {
  began = process.hrtime.bigint();
  await read();
  took.push(microseconds(began));
}
took.sort((a, b) => a - b);
console.log(JSON.stringify({ first, p50: took[Math.floor(reads / 2)], p99: took[Math.floor(reads * 0.99)], p999: took[Math.floor(reads * 0.999)] }));
process.exit(); // middy's cache keeps a timer
