// A generation of the official client against servers of both, one after the other; what crosses the eras among it.
//
//   node sdk_pairs.mjs '{"sdk": 1, "nodeModules": …, "cwd": …, "env": {…}, "cells": [
//       {"client": "stdio", "server": …, "command": …, "args": […]}, {"client": "http", "server": …, "url": …}]}'
//
// The servers are the references of tests/conformance. Prints one JSON object: {"cells": [{"client", "server", "seen":
// {step: what came of it}, "errors": {step: why nothing came}}, …]}. What is right is for the caller to judge.

import { generation, text, transportOf, within } from './sdk.mjs';

const request = JSON.parse(process.argv[2]);
const sdk = await generation(request.nodeModules, request.sdk);

// Once a notice of that kind has come after this.
function nextNotice(client, method) {
  return new Promise((resolve) => sdk.onNotice(client, method, (notice) => resolve(notice.method)));
}

const steps = {
  list: async (client) => (await client.listTools()).tools.map((tool) => tool.name),
  call: async (client) => text(await sdk.call(client, 'test_simple_text')),
  failing: async (client) => (await sdk.call(client, 'test_error_handling')).isError,
  progress: async (client) => {
    const heard = [];
    await sdk.call(client, 'test_tool_with_progress', {}, { onprogress: ({ progress }) => heard.push(progress) });
    return heard;
  },
  elicitation: async (client) => text(await sdk.call(client, 'test_elicitation', { message: 'Who?' })),
  sampling: async (client) => text(await sdk.call(client, 'test_sampling', { prompt: 'Say something' })),
  roots: async (client) => text(await sdk.call(client, 'test_input_required_result_list_roots')),
  rounds: async (client) => text(await sdk.call(client, 'test_input_required_result_multi_round')),
  prompt: async (client) => {
    const given = { arg1: 'eins', arg2: 'zwei' };
    return (await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: given })).messages[0].content.text;
  },
  asking_prompt: async (client) =>
    (await client.getPrompt({ name: 'test_input_required_result_prompt', arguments: {} })).messages[0].content.text,
  resource: async (client) => (await client.readResource({ uri: 'test://static-text' })).contents[0].text,
  completion: async (client) => {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    return (await client.complete({ ref, argument: { name: 'arg1', value: 'par' } })).completion.values;
  },
  changed: async (client) => {
    const notice = nextNotice(client, 'notifications/tools/list_changed');
    const listening = client.getProtocolEra?.() === 'modern' ? await client.listen({ toolsListChanged: true }) : undefined;
    await sdk.call(client, 'test_trigger_tool_change');
    const method = await notice;
    await listening?.close?.();
    return method;
  },
};

async function run(cell) {
  const capabilities = { sampling: {}, roots: { listChanged: true }, elicitation: request.sdk === 1 ? {} : { form: {} } };
  const client = new sdk.Client({ name: 'pairs', version: '1' }, { ...sdk.options, capabilities });
  sdk.onAsk(client, 'elicitation/create', async () =>
    ({ action: 'accept', content: { name: 'Ada', username: 'Ada', email: 'ada@example.com', color: 'red', context: 'none' } }));
  sdk.onAsk(client, 'sampling/createMessage', async () =>
    ({ role: 'assistant', model: 'none', content: { type: 'text', text: 'something' } }));
  sdk.onAsk(client, 'roots/list', async () => ({ roots: [{ uri: 'file:///pairs', name: 'pairs' }] }));
  const seen = {}, errors = {};
  const attempt = async (step, act) => {
    try {
      seen[step] = await within(20, act());
    } catch (error) {
      errors[step] = String(error?.message ?? error);
    }
  };
  await attempt('connect', async () => {
    await client.connect(transportOf(sdk, cell, request));
    return client.getServerVersion().name;
  });
  if (!errors.connect) for (const step of Object.keys(steps)) await attempt(step, () => steps[step](client));
  await attempt('close', () => client.close());
  return { ...cell, seen, errors };
}

const cells = [];
for (const cell of request.cells) cells.push(await run(cell));
console.log(JSON.stringify({ cells }));
process.exit(0);
