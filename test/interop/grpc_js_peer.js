// grpc.testing.TestService and the standard interop cases with @grpc/grpc-js, for tests of ours against it.
//
//     node grpc_js_peer.js server [CERT KEY]      prints its port, serves until its standard input ends
//     node grpc_js_peer.js client PORT [CA]       runs every case; a line "NAME ok" or "NAME FAILED why" each
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const proto = grpc.loadPackageDefinition(
    loader.loadSync(path.join(__dirname, 'grpc_testing.proto'), {keepCase: true, defaults: true})).grpc.testing;
const INITIAL = 'x-grpc-test-echo-initial', TRAILING = 'x-grpc-test-echo-trailing-bin';
const REQUESTS = [27182, 8, 1828, 45904], RESPONSES = [31415, 9, 2653, 58979];
const LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159;
const payload = n => ({body: Buffer.alloc(n)});

// --- the server ------------------------------------------------------------------------------------

function echoFields(call) {
  const initial = call.metadata.get(INITIAL), trailing = new grpc.Metadata();
  for (const value of call.metadata.get(TRAILING)) trailing.add(TRAILING, value);
  if (initial.length > 0) {
    const back = new grpc.Metadata();
    back.set(INITIAL, initial[0]);
    call.sendMetadata(back);
  }
  return trailing;
}

function asked(request) {
  const status = request.response_status;
  return status && status.code ? {code: status.code, details: status.message} : null;
}

function refuseUncompressed(request) {
  return request.expect_compressed && request.expect_compressed.value ?
      {code: grpc.status.INVALID_ARGUMENT, details: 'the message was to be compressed and was not'} : null;
}

function unaryCall(call, done) {
  const trailing = echoFields(call), refusal = asked(call.request) || refuseUncompressed(call.request);
  if (refusal) done(refusal, null, trailing);
  else done(null, {payload: payload(call.request.response_size)}, trailing);
}

function streamingInputCall(call, done) {
  let total = 0, refusal = null;
  call.on('data', request => {
    refusal = refusal || refuseUncompressed(request);
    total += request.payload ? request.payload.body.length : 0;
  });
  call.on('end', () => done(refusal, {aggregated_payload_size: total}));
}

async function answer(call, request) {
  for (const wanted of request.response_parameters) {
    if (wanted.interval_us) await new Promise(r => setTimeout(r, wanted.interval_us / 1000));
    call.write({payload: payload(wanted.size)});
  }
}

async function streamingOutputCall(call) {
  await answer(call, call.request);
  call.end();
}

function duplexCall(call) {
  const trailing = echoFields(call);
  let busy = Promise.resolve(), failed = false;
  call.on('data', request => {
    const status = asked(request);
    if (status) failed = true, call.emit('error', status);
    else busy = busy.then(() => answer(call, request));
  });
  call.on('end', () => busy.then(() => failed || call.end(trailing)));
}

async function serve(certificate, key) {
  const server = new grpc.Server();
  server.addService(proto.TestService.service, {
    EmptyCall: (call, done) => done(null, {}), UnaryCall: unaryCall, StreamingInputCall: streamingInputCall,
    StreamingOutputCall: streamingOutputCall, FullDuplexCall: duplexCall, HalfDuplexCall: duplexCall});
  const credentials = certificate ?
      grpc.ServerCredentials.createSsl(null, [{private_key: fs.readFileSync(key), cert_chain: fs.readFileSync(certificate)}]) :
      grpc.ServerCredentials.createInsecure();
  const port = await new Promise((yes, no) =>
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => error ? no(error) : yes(bound)));
  console.log(port);
  process.stdin.on('end', () => process.exit(0)).resume();
}

// --- the client ------------------------------------------------------------------------------------

const deadline = ms => ({deadline: Date.now() + ms});
const call = (client, method, request, metadata) => new Promise((yes, no) => {
  const got = {};
  const c = client[method](request, metadata || new grpc.Metadata(), deadline(30000),
                           (error, reply) => error ? no(error) : (got.reply = reply));
  c.on('metadata', m => got.initial = m);
  c.on('status', s => (got.status = s, s.code === 0 && setImmediate(() => yes(got))));
});

const ended = stream => new Promise((yes, no) => {
  const got = {sizes: []};
  stream.on('data', m => got.sizes.push(m.payload.body.length));
  stream.on('metadata', m => got.initial = m);
  stream.on('error', no);
  stream.on('status', s => (got.status = s, s.code === 0 && setImmediate(() => yes(got))));
});

async function refused(promise, code) {
  try { await promise; } catch (error) {
    assert.strictEqual(error.code, code, error.message);
    return error;
  }
  assert.fail(`the call succeeded, not ${code}`);
}

const large = {response_size: LARGE_RESPONSE, payload: payload(LARGE_REQUEST)};
const output = (request, response) => ({response_parameters: [{size: response}], payload: payload(request)});

const cases = {
  empty_unary: async client => { assert.deepStrictEqual((await call(client, 'EmptyCall', {})).reply, {}); },
  large_unary: async client => {
    assert.strictEqual((await call(client, 'UnaryCall', large)).reply.payload.body.length, LARGE_RESPONSE);
  },
  client_streaming: client => new Promise((yes, no) => {
    const c = client.StreamingInputCall(deadline(30000), (error, reply) =>
        error ? no(error) : yes(assert.strictEqual(reply.aggregated_payload_size, 74922)));
    for (const n of REQUESTS) c.write({payload: payload(n)});
    c.end();
  }),
  server_streaming: async client => {
    const request = {response_parameters: RESPONSES.map(size => ({size}))};
    assert.deepStrictEqual((await ended(client.StreamingOutputCall(request, deadline(30000)))).sizes, RESPONSES);
  },
  ping_pong: async client => {
    const c = client.FullDuplexCall(deadline(30000));
    let next = 0;
    const send = () => next < REQUESTS.length ? c.write(output(REQUESTS[next], RESPONSES[next++])) : c.end();
    c.on('data', send);
    const end = ended(c);
    send();
    assert.deepStrictEqual((await end).sizes, RESPONSES);
  },
  half_duplex: async client => {
    const c = client.HalfDuplexCall(deadline(30000));
    REQUESTS.forEach((n, i) => c.write(output(n, RESPONSES[i])));
    c.end();
    assert.deepStrictEqual((await ended(c)).sizes, RESPONSES);
  },
  empty_stream: async client => {
    const c = client.FullDuplexCall(deadline(30000));
    c.end();
    assert.deepStrictEqual((await ended(c)).sizes, []);
  },
  timeout_on_sleeping_server: async client => {
    const request = {response_parameters: [{size: 1, interval_us: 10000000}]};
    await refused(ended(client.StreamingOutputCall(request, deadline(50))), grpc.status.DEADLINE_EXCEEDED);
  },
  cancel_after_begin: client => new Promise((yes, no) => {
    const c = client.StreamingInputCall(deadline(30000), error =>
        error && error.code === grpc.status.CANCELLED ? yes() : no(error || new Error('it succeeded')));
    c.cancel();
  }),
  cancel_after_first_response: async client => {
    const c = client.FullDuplexCall(deadline(30000));
    c.on('data', () => c.cancel());
    c.write(output(27182, 31415));
    await refused(ended(c), grpc.status.CANCELLED);
  },
  custom_metadata: async client => {
    const fields = new grpc.Metadata();
    fields.set(INITIAL, 'test_initial_metadata_value');
    fields.set(TRAILING, Buffer.from([0xab, 0xab, 0xab]));
    const stream = client.FullDuplexCall(fields, deadline(30000));
    const end = ended(stream);
    stream.end(output(LARGE_REQUEST, LARGE_RESPONSE));
    for (const got of [await end, await call(client, 'UnaryCall', large, fields)]) {
      assert.deepStrictEqual(got.initial.get(INITIAL), ['test_initial_metadata_value']);
      assert.deepStrictEqual(got.status.metadata.get(TRAILING), [Buffer.from([0xab, 0xab, 0xab])]);
    }
  },
  status_code_and_message: async client => {
    const status = {response_status: {code: 2, message: 'test status message'}};
    const streamed = () => {
      const stream = client.FullDuplexCall(deadline(30000));
      const end = ended(stream);
      stream.end(status);
      return end;
    };
    for (const start of [streamed, () => call(client, 'UnaryCall', status)])
      assert.strictEqual((await refused(start(), 2)).details, status.response_status.message);
  },
  special_status_message: async client => {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
    const error = await refused(call(client, 'UnaryCall', {response_status: {code: 2, message}}), 2);
    assert.strictEqual(error.details, message);
  },
  unimplemented_method: client => refused(call(client, 'UnimplementedCall', {}), grpc.status.UNIMPLEMENTED),
  unimplemented_service: (client, make) =>
      refused(call(make(proto.UnimplementedService), 'UnimplementedCall', {}), grpc.status.UNIMPLEMENTED),
  client_compressed_unary: async (client, make) => {
    await refused(call(client, 'UnaryCall', {expect_compressed: {value: true}}), grpc.status.INVALID_ARGUMENT);
    const gzip = make(proto.TestService, {'grpc.default_compression_algorithm': 2});
    assert.match((await refused(call(gzip, 'UnaryCall', large), grpc.status.UNIMPLEMENTED)).details, /identity/);
  },
};

async function runCases(port, ca) {
  const credentials = ca ? grpc.credentials.createSsl(fs.readFileSync(ca)) : grpc.credentials.createInsecure();
  const make = (Service, options) => new Service(`localhost:${port}`, credentials, options || {});
  let failed = false;
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run(make(proto.TestService), make);
      console.log(`${name} ok`);
    } catch (error) {
      failed = true;
      console.log(`${name} FAILED ${error.message}`);
    }
  }
  process.exit(failed ? 1 : 0);
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'server') serve(...rest);
else runCases(...rest);
