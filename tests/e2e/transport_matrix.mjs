// The official client over each of its transports, against each of several servers, one after the other.
//
//   node transport_matrix.mjs '{"sdk": 1, "nodeModules": …, "cwd": …, "env": {…}, "cells": [
//       {"client": "stdio", "server": "files", "command": "hearth", "args": ["attach", "files"]},
//       {"client": "sse" or "http", "server": "files", "url": "http://127.0.0.1:8080/mcp/files"}]}'
//
// The servers are server-everything in its different modes. Prints one JSON object: {"cells": [{"client", "server",
// "seen": {step: what came of it}, "error": why it went no further}, …]}. What is right is for the caller to judge.

import { generation, text, transportOf, within } from './sdk.mjs';

const request = JSON.parse(process.argv[2]);
const sdk = await generation(request.nodeModules, request.sdk);

const steps = {
  initialize: async (client) => client.getServerVersion().name,
  list: async (client) => (await client.listTools()).tools.map((tool) => tool.name),
  call: async (client, cell) => text(await sdk.call(client, 'echo', { message: `${cell.client} to ${cell.server}` })),
  progress: async (client) => {
    const heard = [];
    const done = await sdk.call(client, 'trigger-long-running-operation', { duration: 0.15, steps: 3 },
      { onprogress: (progress) => heard.push(progress.progress) });
    return { heard, text: text(done) };
  },
  prompt: async (client) => {
    const prompt = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Grünau' } });
    return prompt.messages[0].content.text;
  },
  resource: async (client) => (await client.readResource({ uri: 'demo://resource/dynamic/text/1' })).contents[0].uri,
  // 2026-07-28 has no ping.
  ping: async (client) => (client.getProtocolEra?.() === 'modern' ? [] : Object.keys(await client.ping())),
};

async function run(cell) {
  const client = new sdk.Client({ name: `${cell.client}-client`, version: '1' }, { ...sdk.options, capabilities: {} });
  const seen = {};
  let step = 'connect';
  try {
    await within(20, client.connect(transportOf(sdk, cell, request)));
    for (step of Object.keys(steps)) seen[step] = await within(20, steps[step](client, cell));
    step = 'close';
    await within(20, client.close());
    return { ...cell, seen };
  } catch (error) {
    await client.close().catch(() => {});
    return { ...cell, seen, error: `${step}: ${error?.message ?? error}` };
  }
}

const cells = [];
for (const cell of request.cells) cells.push(await run(cell));
console.log(JSON.stringify({ cells }));
process.exit(0);
