// The reference server of the legacy revisions: on the official SDK (1.x), with every fixture that the conformance
// suite asks for. What a modern server asks in rounds, it asks the client during the call.
//
//   node legacy_upstream.mjs NODE_MODULES stdio | http PORT | sse PORT
//
// http is Streamable HTTP at /mcp, with sessions, resumption and closed streams (2025-11-25); sse is HTTP+SSE at /sse
// (2024-11-05). PORT 0 takes one that is free. When it can be connected to, it prints "listening on PORT".

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

import * as fixtures from './fixtures.mjs';
import { EventStore, guard, refuse } from './upstream_http.mjs';

const [folder, mode, wantedPort] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const express = require('express');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');
const { SSEServerTransport } = require('@modelcontextprotocol/sdk/server/sse.js');
const types = require('@modelcontextprotocol/sdk/types.js');

// --- the tools that do more than answer

const acting = {
  async test_tool_with_logging(given, extra) {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', logger: 'reference', data } });
      await sleep(50);
    }
    return fixtures.text('logged');
  },
  async test_tool_with_progress(given, extra) {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await sleep(50);
    }
    return fixtures.text('done');
  },
  async test_sampling(given, extra) {
    return fixtures.text(`LLM response: ${(await ask.model(given.prompt, extra)).content.text}`);
  },
  test_elicitation: (given, extra) => elicit('test_elicitation', given.message, 'User response', extra),
  test_elicitation_sep1034_defaults: (given, extra) =>
    elicit('test_elicitation_sep1034_defaults', 'Please review', 'Elicitation completed', extra),
  test_elicitation_sep1330_enums: (given, extra) =>
    elicit('test_elicitation_sep1330_enums', 'Please choose', 'Elicitation completed', extra),
  async test_reconnection(given, extra) {
    await sleep(100);
    extra.closeSSEStream?.();
    await sleep(300);
    return fixtures.text('reconnected');
  },
  async test_logging_tool(given, extra) {
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'only when asked' } });
    return fixtures.text('logged');
  },
  async test_missing_capability(given, extra) {
    await ask.model('hi', extra);  // On a shared server initialize says nothing of who calls; so it asks, and fails.
    return fixtures.text('has sampling');
  },
  async test_streaming_elicitation(given, extra) {
    await ask.user(fixtures.questions.stream, extra);
    return fixtures.text('ok');
  },
  async test_trigger_tool_change(given, extra, server) {
    await server.sendToolListChanged();
    return fixtures.text('changed');
  },
  async test_trigger_prompt_change(given, extra, server) {
    await server.sendPromptListChanged();
    return fixtures.text('changed');
  },
};

const ask = {
  user: (question, extra) =>
    extra.sendRequest({ method: 'elicitation/create', params: question }, types.ElicitResultSchema),
  model: (words, extra) => extra.sendRequest(
    { method: 'sampling/createMessage', params: fixtures.sampling(words) }, types.CreateMessageResultSchema),
  roots: (extra) => extra.sendRequest({ method: 'roots/list' }, types.ListRootsResultSchema),
};

async function elicit(tool, message, label, extra) {
  const answer = await ask.user({ message, requestedSchema: fixtures.forms[tool] }, extra);
  return fixtures.text(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
}

// What a modern server would answer with input_required.
const asking = {
  elicitation: async (extra) => `Hello, ${(await ask.user(fixtures.questions.name, extra)).content?.name}!`,
  sampling: async (extra) => JSON.stringify(await ask.model('What is the capital of France?', extra)),
  list_roots: async (extra) => JSON.stringify(await ask.roots(extra)),
  async request_state(extra) {
    await ask.user(fixtures.questions.confirm, extra);
    return 'state-ok';
  },
  async multiple_inputs(extra) {
    await Promise.all([ask.user(fixtures.questions.name, extra), ask.model('Generate a greeting', extra), ask.roots(extra)]);
    return 'all inputs received';
  },
  async multi_round(extra) {
    await ask.user(fixtures.questions.step1, extra);
    await ask.user(fixtures.questions.step2, extra);
    return 'multi-round done';
  },
  async capabilities(extra, server) {
    const declared = server.getClientCapabilities() ?? {};
    if (declared.sampling) await ask.model('hi', extra);
    if (declared.elicitation) await ask.user(fixtures.questions.name, extra);
    return 'done';
  },
};
asking.tampered_state = asking.request_state;

for (const [what, tool] of Object.entries(asking)) {
  acting[`test_input_required_result_${what}`] = async (given, extra, server) => fixtures.text(await tool(extra, server));
}

// --- one conversation

function found(value, code, message, data) {
  if (value === undefined) throw new types.McpError(code, message, data);
  return value;
}

function conversation() {
  const server = new Server({ name: 'reference', version: '1.0.0' }, {
    capabilities: {
      tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true },
      completions: {}, logging: {},
    },
  });
  const on = (schema, handler) => server.setRequestHandler(schema, handler);
  on(types.ListToolsRequestSchema, async () => ({ tools: fixtures.tools }));
  on(types.CallToolRequestSchema, async ({ params }, extra) => {
    const answer = fixtures.fixedAnswers[params.name] ?? acting[params.name];
    return found(answer, types.ErrorCode.InvalidParams, `Unknown tool: ${params.name}`)(params.arguments ?? {}, extra, server);
  });
  on(types.ListResourcesRequestSchema, async () => ({ resources: fixtures.resources }));
  on(types.ListResourceTemplatesRequestSchema, async () => ({ resourceTemplates: fixtures.templates }));
  on(types.ReadResourceRequestSchema, async ({ params }) =>
    found(fixtures.contentsOf(params.uri), -32002, 'Resource not found', { uri: params.uri }));
  on(types.SubscribeRequestSchema, async () => ({}));
  on(types.UnsubscribeRequestSchema, async () => ({}));
  on(types.ListPromptsRequestSchema, async () => ({ prompts: fixtures.prompts }));
  on(types.GetPromptRequestSchema, async ({ params }, extra) => {
    if (params.name === fixtures.askingPrompt)
      return fixtures.askedPrompt((await ask.user(fixtures.questions.context, extra)).content);
    const prompt = fixtures.promptOf(params.name, params.arguments);
    return found(prompt, types.ErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
  });
  on(types.CompleteRequestSchema, async () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }));
  return server;
}

// --- transports

function streamable(app) {
  const sessions = new Map();
  app.all('/mcp', async (request, response) => {
    const id = request.headers['mcp-session-id'];
    if (sessions.has(id)) {
      await sessions.get(id).handleRequest(request, response, request.body);
    } else if (id !== undefined) {
      refuse(response, 404, -32001, 'Session not found');
    } else if (!types.isInitializeRequest(request.body)) {
      refuse(response, 400, -32000, 'A session id is needed');
    } else {
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID, eventStore: new EventStore(), retryInterval: 500,
        onsessioninitialized: (made) => { sessions.set(made, transport); },
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await conversation().connect(transport);
      await transport.handleRequest(request, response, request.body);
    }
  });
}

function serverSentEvents(app) {
  const sessions = new Map();
  app.get('/sse', async (request, response) => {
    const transport = new SSEServerTransport('/message', response);
    sessions.set(transport.sessionId, transport);
    transport.onclose = () => sessions.delete(transport.sessionId);
    await conversation().connect(transport);
  });
  app.post('/message', async (request, response) => {
    const transport = sessions.get(request.query.sessionId);
    if (transport) await transport.handlePostMessage(request, response, request.body);
    else refuse(response, 404, -32001, 'Session not found');
  });
}

if (mode === 'stdio') {
  await conversation().connect(new StdioServerTransport());
} else {
  const app = express();
  app.use(guard);
  app.use(express.json({ limit: '64mb' }));
  ({ http: streamable, sse: serverSentEvents })[mode](app);
  const listener = app.listen(Number(wantedPort), '127.0.0.1', () => {
    console.log(`listening on ${listener.address().port}`);
  });
}
