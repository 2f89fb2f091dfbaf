// Drives a real server with the official SDK client, in several sessions at once, and prints what each of them saw.
//
//   node sdk_client.mjs '{"sdk": 1, "server": "everything", "sessions": 2, "nodeModules": …,
//                         "command": "hearth", "args": ["run", "--", …], "cwd": …, "env": {…}}'
//
// Prints one JSON object: {"sessions": [what session 0 saw, …]}, or {"error": …} and exits with 1. What is right is
// for the caller to judge.

import { generation, text } from './sdk.mjs';

const request = JSON.parse(process.argv[2]);
const sdk = await generation(request.nodeModules, request.sdk, 'legacy');

async function connect(number) {
  const client = new sdk.Client({ name: `session-${number}`, version: '1' },
    { ...sdk.options, capabilities: { roots: {}, sampling: {}, elicitation: {} } });
  const session = { number, client, seen: { updates: [], logs: [], asks: [] }, waiting: [] };
  const told = () => session.waiting.splice(0).forEach((wake) => wake());
  sdk.onNotice(client, 'notifications/resources/updated', (notice) => {
    session.seen.updates.push(notice.params.uri);
    told();
  });
  sdk.onNotice(client, 'notifications/message', (notice) => {
    session.seen.logs.push(String(notice.params.data));
    told();
  });
  sdk.onAsk(client, 'roots/list', async () => ({ roots: request.roots ?? [] }));
  sdk.onAsk(client, 'elicitation/create', async (ask) => {
    session.seen.asks.push(ask.method);
    return { action: 'accept', content: { name: `person ${number}`, check: true } };
  });
  sdk.onAsk(client, 'sampling/createMessage', async (ask) => {
    session.seen.asks.push(ask.method);
    return { role: 'assistant', model: 'test', content: { type: 'text', text: `sampled by ${number}` } };
  });
  const transport = new sdk.StdioClientTransport({
    command: request.command, args: request.args, cwd: request.cwd, env: request.env, stderr: 'pipe' });
  session.stderr = '';
  transport.stderr?.on('data', (chunk) => { session.stderr += chunk; });
  await client.connect(transport).catch((error) => { throw new Error(`${error.message}\n${session.stderr}`); });
  session.until = async (condition) => {
    while (!condition()) await new Promise((wake) => session.waiting.push(wake));
  };
  return session;
}

const call = (session, ...what) => sdk.call(session.client, ...what);

// Each phase is run by all sessions at once, or one after the other where the request says "inTurn"; the next begins when
// all have finished.
const servers = {
  everything: [
    async (s) => { s.seen.tools = (await s.client.listTools()).tools.map((tool) => tool.name); },
    async (s) => {
      const calls = [];
      for (let i = 0; i < 5; i++) calls.push(call(s, 'echo', { message: `${s.number}.${i}` }));
      s.seen.echoes = (await Promise.all(calls)).map(text);
      s.seen.sum = text(await call(s, 'get-sum', { a: s.number, b: 1000 }));
    },
    async (s) => {
      s.seen.progress = [];
      const done = await call(s, 'trigger-long-running-operation', { duration: 0.1, steps: 3 },
        { onprogress: (progress) => s.seen.progress.push(progress.progress) });
      s.seen.long = text(done);
    },
    async (s) => {
      s.seen.resources = (await s.client.listResources()).resources.length;
      s.seen.templates = (await s.client.listResourceTemplates()).resourceTemplates.length;
      const read = await s.client.readResource({ uri: `demo://resource/dynamic/text/${s.number + 1}` });
      s.seen.read = read.contents[0].uri;
    },
    async (s) => {
      s.seen.prompts = (await s.client.listPrompts()).prompts.map((prompt) => prompt.name);
      const prompt = await s.client.getPrompt({ name: 'args-prompt', arguments: { city: `City${s.number}` } });
      s.seen.prompt = prompt.messages[0].content.text;
    },
    async (s) => { await s.client.setLoggingLevel('debug'); },
    async (s) => {
      s.uri = `demo://resource/dynamic/text/${s.number + 1}`;
      await s.client.subscribeResource({ uri: s.uri });
      await s.until(() => s.seen.logs.some((line) => line.includes('Subscribe')));
    },
    async (s) => {
      if (s.number === 0) await call(s, 'toggle-subscriber-updates');
      await s.until(() => s.seen.updates.includes(s.uri));
    },
    async (s) => { if (s.number === 0) s.seen.elicited = text(await call(s, 'trigger-elicitation-request')); },
    async (s) => {
      if (s.number === 0) s.seen.sampled = text(await call(s, 'trigger-sampling-request', { prompt: 'x', maxTokens: 5 }));
    },
    async (s) => { await s.client.unsubscribeResource({ uri: s.uri }); },
  ],
  memory: [
    async (s) => { s.seen.tools = (await s.client.listTools()).tools.map((tool) => tool.name); },
    async (s) => {
      await call(s, 'create_entities',
        { entities: [{ name: `entity ${s.number}`, entityType: 'test', observations: ['grüß 😀'] }] });
    },
    async (s) => { s.seen.graph = JSON.parse(text(await call(s, 'read_graph'))).entities.map((entity) => entity.name).sort(); },
  ],
  filesystem: [
    async (s) => { s.seen.tools = (await s.client.listTools()).tools.map((tool) => tool.name); },
    // It asks for the roots when it is initialized, and serves on meanwhile.
    async (s) => {
      while (!text(await call(s, 'list_allowed_directories', {})).includes(request.cwd)) { /* Not yet. */ }
    },
    async (s) => { await call(s, 'write_file', { path: `${request.cwd}/file-${s.number}`, content: `by ${s.number}` }); },
    async (s) => {
      s.seen.read = text(await call(s, 'read_text_file', { path: `${request.cwd}/file-${s.number}` }));
      s.seen.list = text(await call(s, 'list_directory', { path: request.cwd })).split('\n').length;
    },
  ],
  'sequential-thinking': [
    async (s) => {
      s.seen.thought = JSON.parse(text(await call(s, 'sequentialthinking',
        { thought: `thought of ${s.number}`, nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 })));
    },
  ],
};

try {
  const sessions = await Promise.all(Array.from({ length: request.sessions }, (_, number) => connect(number)));
  for (const phase of servers[request.server]) {
    if (!request.inTurn) await Promise.all(sessions.map(phase));
    else for (const session of sessions) await phase(session);
  }
  await Promise.all(sessions.map((session) => session.client.close()));
  console.log(JSON.stringify({ sessions: sessions.map((session) => session.seen) }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  process.exit(1);
}
