// Reads URL over and over with Node's own http, over one connection, and prints
// how long the reads took.
import http from "node:http";

const reads = Number(process.env.READS);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const headers = { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN };

const read = () =>
  new Promise((resolve, reject) => {
    http
      .get(process.env.URL, { agent, headers }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => (response.statusCode === 200 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(response.statusCode))));
      })
      .on("error", reject);
  });

const took = [];
for (let i = 0; i < reads * 1.1; i++) {
  const began = process.hrtime.bigint();
  await read();
  if (i >= reads / 10) took.push(Number(process.hrtime.bigint() - began) / 1000);
}
took.sort((a, b) => a - b);
console.log(JSON.stringify({ p50: took[Math.floor(reads / 2)], p99: took[Math.floor(reads * 0.99)], p999: took[Math.floor(reads * 0.999)] }));
agent.destroy();
