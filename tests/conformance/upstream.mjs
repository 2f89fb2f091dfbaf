// The reference server: on the official SDK (1.x), with every fixture that the conformance suite asks for.
//
//   node upstream.mjs NODE_MODULES stdio | http PORT | sse PORT
//
// http is Streamable HTTP at /mcp, with sessions, resumption and closed streams (2025-11-25); sse is HTTP+SSE at /sse
// (2024-11-05). PORT 0 takes one that is free. When it can be connected to, it prints "listening on PORT".

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

import * as fixtures from './fixtures.mjs';

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
    const messages = [{ role: 'user', content: { type: 'text', text: given.prompt } }];
    const sampled = await extra.sendRequest(
      { method: 'sampling/createMessage', params: { messages, maxTokens: 100 } }, types.CreateMessageResultSchema);
    return fixtures.text(`LLM response: ${sampled.content.text}`);
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
};

async function elicit(tool, message, label, extra) {
  const answer = await extra.sendRequest(
    { method: 'elicitation/create', params: { message, requestedSchema: fixtures.forms[tool] } }, types.ElicitResultSchema);
  return fixtures.text(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
}

// --- one conversation

function found(value, code, message) {
  if (value === undefined) throw new types.McpError(code, message);
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
    return found(answer, types.ErrorCode.InvalidParams, `Unknown tool: ${params.name}`)(params.arguments ?? {}, extra);
  });
  on(types.ListResourcesRequestSchema, async () => ({ resources: fixtures.resources }));
  on(types.ListResourceTemplatesRequestSchema, async () => ({ resourceTemplates: fixtures.templates }));
  on(types.ReadResourceRequestSchema, async ({ params }) =>
    found(fixtures.contentsOf(params.uri), -32002, `Resource not found: ${params.uri}`));
  on(types.SubscribeRequestSchema, async () => ({}));
  on(types.UnsubscribeRequestSchema, async () => ({}));
  on(types.ListPromptsRequestSchema, async () => ({ prompts: fixtures.prompts }));
  on(types.GetPromptRequestSchema, async ({ params }) =>
    found(fixtures.promptOf(params.name, params.arguments), types.ErrorCode.InvalidParams, `Unknown prompt: ${params.name}`));
  on(types.CompleteRequestSchema, async () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }));
  return server;
}

// --- transports

// What was sent, so that a stream that broke can be gone on with. Event ids name their stream.
class EventStore {
  events = [];

  async storeEvent(stream, message) {
    const id = `${stream}_${String(this.events.length).padStart(8, '0')}`;
    this.events.push({ id, stream, message });
    return id;
  }

  async getStreamIdForEventId(id) {
    return id.slice(0, id.lastIndexOf('_'));
  }

  async replayEventsAfter(last, { send }) {
    const stream = await this.getStreamIdForEventId(last);
    for (const event of this.events) {
      const empty = Object.keys(event.message ?? {}).length === 0;
      if (event.stream === stream && event.id > last && !empty) await send(event.id, event.message);
    }
    return stream;
  }
}

const local = (host) => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host ?? '');

function refuse(response, status, code, message) {
  response.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}

function application() {
  const app = express();
  app.use((request, response, next) => {
    const origin = request.headers.origin?.replace(/^https?:\/\//, '');
    if (local(request.headers.host) && (origin === undefined || local(origin))) next();
    else refuse(response, 403, -32000, 'This host or origin is not served');
  });
  app.use(express.json({ limit: '64mb' }));
  return app;
}

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
  const app = application();
  ({ http: streamable, sse: serverSentEvents })[mode](app);
  const listener = app.listen(Number(wantedPort), '127.0.0.1', () => {
    console.log(`listening on ${listener.address().port}`);
  });
}
