import { createInterface } from "node:readline";

import { NotOurs, verify } from "./webhooks.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const [key, now, id, timestamp, signature, body] = line.split(" ").map((each) => (each === "-" ? null : Buffer.from(each, "base64")));
  const named = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  const headers = Object.fromEntries(Object.entries(named).flatMap(([name, text]) => (text === null ? [] : [[name, text.toString()]])));
  try {
    verify(key.toString(), headers, body, Number(now.toString()));
    console.log("ours");
  } catch (error) {
    if (!(error instanceof NotOurs)) throw error;
    console.log("refused");
  }
}
