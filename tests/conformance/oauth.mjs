// What an application adds to the official client so that it can log in: the authorization code flow, with a user who
// agrees to everything. Only for runs without Hearth.

export function login(sdk, url, scenario, context) {
  const redirect = 'http://localhost:3000/callback';
  const kept = {};
  let callback;
  const keeps = (name) => [() => kept[name], (value) => { kept[name] = value; }];
  const [clientInformation, saveClientInformation] = keeps('client');
  const [tokens, saveTokens] = keeps('tokens');
  const [codeVerifier, saveCodeVerifier] = keeps('verifier');
  const [discoveryState, saveDiscoveryState] = keeps('discovery');
  const clientMetadata = { client_name: 'conformance-driver', redirect_uris: [redirect] };
  const provider = {
    redirectUrl: redirect, clientMetadata,
    clientMetadataUrl: scenario === 'auth/pre-registration' ? undefined : 'https://conformance-test.local/client-metadata.json',
    clientInformation, saveClientInformation, tokens, saveTokens, codeVerifier, saveCodeVerifier, discoveryState,
    saveDiscoveryState,
    invalidateCredentials(kind) {
      for (const name of kind === 'all' ? Object.keys(kept) : [kind]) delete kept[name];
    },
    async redirectToAuthorization(to) {
      const answer = await fetch(to, { redirect: 'manual' });
      callback = new URL(answer.headers.get('location')).searchParams;
    },
  };
  if (context.client_id) {
    saveClientInformation({
      client_id: context.client_id, client_secret: context.client_secret, redirect_uris: clientMetadata.redirect_uris,
    });
  }

  async function authorize(refusal) {
    const { resourceMetadataUrl, scope: challenged } = sdk.extractWWWAuthenticateParams(refusal);
    const had = tokens()?.scope;
    const scope = refusal.status === 403 ? sdk.computeScopeUnion(had, challenged) : challenged;
    if (refusal.status === 401) provider.invalidateCredentials('discovery');
    const options = {
      serverUrl: url, resourceMetadataUrl, scope, fetchFn: fetch,
      forceReauthorization: sdk.isStrictScopeSuperset(scope, had),
    };
    if ((await sdk.auth(provider, options)) !== 'REDIRECT') return;
    await sdk.auth(provider, {
      ...options, forceReauthorization: false, authorizationCode: callback.get('code'), iss: callback.get('iss') ?? undefined,
    });
  }

  return async (input, init) => {
    const send = () => {
      const headers = new Headers(init?.headers);
      if (tokens()) headers.set('authorization', `Bearer ${tokens().access_token}`);
      return fetch(input, { ...init, headers });
    };
    const refused = (answer) => answer.status === 401 || answer.status === 403;
    let answer = await send();
    if (!refused(answer)) return answer;
    await authorize(answer);
    answer = await send();
    if (refused(answer)) throw new Error(`still ${answer.status} after the login`);
    return answer;
  };
}
