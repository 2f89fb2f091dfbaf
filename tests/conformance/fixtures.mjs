// What the server scenarios of the conformance suite expect to find: tools, resources and prompts by name, and what
// they answer where the answer is fixed.

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==';
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

export const text = (words) => ({ content: [{ type: 'text', text: words }] });

const words = (description) => ({ type: 'string', description });
const nothing = { type: 'object', properties: {} };

// Keywords of JSON Schema 2020-12 that nobody on the way may lose.
const person = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const tool = (name, description, inputSchema = nothing) => ({ name, description, inputSchema });

export const tools = [
  tool('test_simple_text', 'answers with one text'),
  tool('test_image_content', 'answers with an image'),
  tool('test_audio_content', 'answers with a sound'),
  tool('test_embedded_resource', 'answers with a resource'),
  tool('test_multiple_content_types', 'answers with text, image and resource'),
  tool('test_error_handling', 'always fails'),
  tool('test_tool_with_logging', 'writes three log lines'),
  tool('test_tool_with_progress', 'tells of its progress three times'),
  tool('test_sampling', 'asks the client to sample',
    { type: 'object', properties: { prompt: words('the prompt') }, required: ['prompt'] }),
  tool('test_elicitation', 'asks the user',
    { type: 'object', properties: { message: words('the question') }, required: ['message'] }),
  tool('test_elicitation_sep1034_defaults', 'asks the user, with defaults'),
  tool('test_elicitation_sep1330_enums', 'asks the user to choose'),
  tool('test_reconnection', 'ends the stream of its call before it answers'),
  tool('json_schema_2020_12_tool', 'takes a person', person),
  tool('test_x_mcp_header', 'takes a region, which is repeated in a header',
    { type: 'object', properties: { region: { ...words('the region'), 'x-mcp-header': 'Region' } } }),
  tool('test_missing_capability', 'needs a client that samples'),
  tool('test_streaming_elicitation', 'asks the user during the call'),
  tool('test_logging_tool', 'writes a log line, if log lines are wanted'),
  tool('test_trigger_tool_change', 'says that the tools have changed'),
  tool('test_trigger_prompt_change', 'says that the prompts have changed'),
  ...['elicitation', 'sampling', 'list_roots', 'request_state', 'multiple_inputs', 'multi_round', 'tampered_state',
    'capabilities'].map((what) => tool(`test_input_required_result_${what}`, `needs answers: ${what}`)),
];

export const fixedAnswers = {
  test_simple_text: () => text('This is a simple text response for testing.'),
  test_image_content: () => ({ content: [{ type: 'image', data: png, mimeType: 'image/png' }] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({
    content: [{
      type: 'resource',
      resource: {
        uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.',
      },
    }],
  }),
  test_multiple_content_types: () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: png, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}',
        },
      },
    ],
  }),
  test_error_handling: () => ({ isError: true, ...text('This tool intentionally returns an error for testing') }),
  json_schema_2020_12_tool: (given) => text(JSON.stringify(given)),
  test_x_mcp_header: (given) => text(`region=${given.region}`),
};

// --- what is asked of the client

const form = (properties, required = []) => ({ type: 'object', properties, required });

const options = [['value1', 'First Option'], ['value2', 'Second Option'], ['value3', 'Third Option']]
  .map(([value, title]) => ({ const: value, title }));
const plain = ['option1', 'option2', 'option3'];

export const forms = {
  test_elicitation: form(
    { username: words("User's response"), email: words("User's email address") }, ['username', 'email']),
  test_elicitation_sep1034_defaults: form({
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  test_elicitation_sep1330_enums: form({
    untitledSingle: { type: 'string', enum: plain },
    titledSingle: { type: 'string', oneOf: options },
    legacyEnum: {
      type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
    titledMulti: { type: 'array', items: { anyOf: options } },
  }),
};

// Questions with one field each.
const question = (message, field, type = 'string') =>
  ({ message, requestedSchema: { type: 'object', properties: { [field]: { type } }, required: [field] } });

export const questions = {
  name: question('What is your name?', 'name'),
  confirm: question('Please confirm', 'ok', 'boolean'),
  step1: question('Step 1: What is your name?', 'name'),
  step2: question('Step 2: What is your favorite color?', 'color'),
  stream: question('Stream?', 'name'),
  context: question('What context should the prompt use?', 'context'),
};

export const sampling = (words) =>
  ({ messages: [{ role: 'user', content: { type: 'text', text: words } }], maxTokens: 100 });

// --- resources

export const resources = [
  { uri: 'test://static-text', name: 'static-text', description: 'a text', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'static-binary', description: 'an image', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched-resource', description: 'can be subscribed to', mimeType: 'text/plain' },
];

export const templates = [
  { uriTemplate: 'test://template/{id}/data', name: 'template-data', description: 'a template', mimeType: 'application/json' },
];

// The contents, or nothing if there is no such resource.
export function contentsOf(uri) {
  const fixed = {
    'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
    'test://static-binary': { mimeType: 'image/png', blob: png },
    'test://watched-resource': { mimeType: 'text/plain', text: 'watched' },
  }[uri];
  if (fixed) return { contents: [{ uri, ...fixed }] };
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) return undefined;
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: 'application/json', text: data }] };
}

// --- prompts

const argument = (name, description) => ({ name, description, required: true });

export const askingPrompt = 'test_input_required_result_prompt';

export const prompts = [
  { name: 'test_simple_prompt', description: 'simple' },
  {
    name: 'test_prompt_with_arguments', description: 'with two arguments',
    arguments: [argument('arg1', 'the first'), argument('arg2', 'the second')],
  },
  {
    name: 'test_prompt_with_embedded_resource', description: 'with a resource',
    arguments: [argument('resourceUri', 'whose')],
  },
  { name: 'test_prompt_with_image', description: 'with an image' },
  { name: askingPrompt, description: 'needs an answer' },
];

const said = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
const saidText = (words) => ({ type: 'text', text: words });

// The messages, or nothing if there is no such prompt.
export function promptOf(name, given = {}) {
  switch (name) {
    case 'test_simple_prompt':
      return said(saidText('This is a simple prompt for testing.'));
    case 'test_prompt_with_arguments':
      return said(saidText(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`));
    case 'test_prompt_with_embedded_resource':
      return said(
        {
          type: 'resource',
          resource: { uri: given.resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
        },
        saidText('Please process the embedded resource above.'));
    case 'test_prompt_with_image':
      return said({ type: 'image', data: png, mimeType: 'image/png' }, saidText('Please analyze the image above.'));
    default:
      return undefined;
  }
}

// The messages of askingPrompt, once the question is answered.
export const askedPrompt = (content) => said(saidText(`context: ${JSON.stringify(content)}`));
