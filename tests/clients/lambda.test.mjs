// Lambda's control plane through the AWS SDK: versions, aliases, events, URLs, layers, mappings.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { zipSync, strToU8 } from 'fflate';
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  AddPermissionCommand, CreateAliasCommand, CreateEventSourceMappingCommand, CreateFunctionCommand,
  CreateFunctionUrlConfigCommand, GetFunctionCommand, GetPolicyCommand, GetProvisionedConcurrencyConfigCommand,
  GetRuntimeManagementConfigCommand, InvokeCommand, LambdaClient, ListTagsCommand, ListVersionsByFunctionCommand,
  PublishLayerVersionCommand, PublishVersionCommand, PutFunctionConcurrencyCommand, PutFunctionEventInvokeConfigCommand,
  PutProvisionedConcurrencyConfigCommand, PutResourcePolicyCommand, PutRuntimeManagementConfigCommand,
  TagResourceCommand, UpdateAliasCommand, UpdateFunctionCodeCommand, UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { settings, start } from './moonbase.mjs';

let moonbase, lambda, dynamodb;
before(async () => {
  moonbase = await start();
  lambda = new LambdaClient({ ...settings(moonbase.url), maxAttempts: 1 });
  dynamodb = new DynamoDBClient(settings(moonbase.url));
  await clock({ stop: true });
});
after(() => moonbase.stop());

const clock = (change) => fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(change) });
const zip = (code) => zipSync({ 'main.lua': strToU8(code) });
const create = (FunctionName, code, more = {}) => lambda.send(new CreateFunctionCommand({
  FunctionName, Runtime: 'lua', Handler: 'main.handler', Role: 'arn:aws:iam::000000000000:role/r',
  Code: { ZipFile: zip(code) }, ...more,
}));
const invoke = async (FunctionName, more = {}) => {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, ...more }));
  return answer.Payload?.length ? JSON.parse(Buffer.from(answer.Payload).toString()) : undefined;
};
const table = (TableName, more = {}) => dynamodb.send(new CreateTableCommand({
  TableName, BillingMode: 'PAY_PER_REQUEST', KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }], ...more,
}));
const item = async (TableName, id) => (await dynamodb.send(new GetItemCommand({ TableName, Key: { id: { S: id } } }))).Item;

// Keeps its event in the table "got".
const keeper = (id) => `function handler(event, ctx)
  ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = "${id}" }, event = { S = json.encode(event) } } })
end`;

test('versions, and an alias that splits between them', async () => {
  await create('split', "function handler() return 'one' end", { Publish: true });
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: 'split', ZipFile: zip("function handler() return 'two' end") }));
  const { Version, FunctionArn } = await lambda.send(new PublishVersionCommand({ FunctionName: 'split' }));
  assert.equal(Version, '2');
  assert.match(FunctionArn, /:function:split:2$/);
  const { Versions } = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName: 'split' }));
  assert.deepEqual(Versions.map((each) => each.Version), ['$LATEST', '1', '2']);
  await lambda.send(new CreateAliasCommand({
    FunctionName: 'split', Name: 'live', FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } },
  }));
  const seen = new Set();
  for (let i = 0; i < 64; ++i) seen.add(await invoke('split:live'));
  assert.deepEqual([...seen].sort(), ['one', 'two']);
  await lambda.send(new UpdateAliasCommand({
    FunctionName: 'split', Name: 'live', FunctionVersion: '2', RoutingConfig: { AdditionalVersionWeights: {} },
  }));
  assert.equal(await invoke(FunctionArn.replace(/2$/, 'live')), 'two');
});

test('an event that fails goes to the destination after its retries', async () => {
  await table('got');
  const { FunctionArn: destination } = await create('destination', keeper('failure'));
  await create('fails', "function handler() error 'no lamps' end");
  await lambda.send(new PutFunctionEventInvokeConfigCommand({
    FunctionName: 'fails', DestinationConfig: { OnFailure: { Destination: destination } },
  }));
  const { StatusCode } = await lambda.send(new InvokeCommand({
    FunctionName: 'fails', InvocationType: 'Event', Payload: '{"order":7}',
  }));
  assert.equal(StatusCode, 202);
  await clock({ advance: '2m' });
  assert.equal(await item('got', 'failure'), undefined);
  await clock({ advance: '2m' });
  const record = JSON.parse((await item('got', 'failure')).event.S);
  assert.equal(record.requestContext.condition, 'RetriesExhausted');
  assert.equal(record.requestContext.approximateInvokeCount, 3);
  assert.deepEqual(record.requestPayload, { order: 7 });
});

test('a function without concurrency is throttled as the SDK knows it', async () => {
  await create('none', "function handler() return 1 end");
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'none', ReservedConcurrentExecutions: 0 }));
  await assert.rejects(invoke('none'), {
    name: 'TooManyRequestsException', Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  });
});

test('a function URL answers a plain fetch', async () => {
  await create('web', `function handler(event)
    return { statusCode = 201, headers = { ["content-type"] = "text/plain" }, body = event.requestContext.http.method .. event.rawPath }
  end`);
  const { FunctionUrl } = await lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName: 'web', AuthType: 'NONE' }));
  assert.equal((await fetch(FunctionUrl)).status, 403);
  await lambda.send(new AddPermissionCommand({
    FunctionName: 'web', StatementId: 'public', Action: 'lambda:InvokeFunctionUrl', Principal: '*', FunctionUrlAuthType: 'NONE',
  }));
  const response = await fetch(FunctionUrl + 'a/b', { method: 'PUT' });
  assert.equal(response.status, 201);
  assert.equal(await response.text(), 'PUT/a/b');
});

test('a function URL streams what the handler writes, while it writes', async () => {
  await lambda.send(new CreateFunctionCommand({
    FunctionName: 'streams', Runtime: 'nodejs20.x', Handler: 'index.handler', Role: 'arn:aws:iam::000000000000:role/r',
    Timeout: 20, Code: { ZipFile: zipSync({ 'index.js': strToU8(`
      exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        const out = awslambda.HttpResponseStream.from(stream, { statusCode: 203, headers: { 'x-mine': 'yes' }, cookies: ['a=1'] });
        out.write('first');
        await new Promise((resolve) => setTimeout(resolve, 300));
        out.write('second');
        out.end();
      });`) }) },
  }));
  const { FunctionUrl, InvokeMode } = await lambda.send(new CreateFunctionUrlConfigCommand({
    FunctionName: 'streams', AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM',
  }));
  assert.equal(InvokeMode, 'RESPONSE_STREAM');
  await lambda.send(new AddPermissionCommand({
    FunctionName: 'streams', StatementId: 'public', Action: 'lambda:InvokeFunctionUrl', Principal: '*', FunctionUrlAuthType: 'NONE',
  }));
  const response = await fetch(FunctionUrl);
  assert.equal(response.status, 203);
  assert.equal(response.headers.get('x-mine'), 'yes');
  assert.equal(response.headers.get('set-cookie'), 'a=1');
  const parts = [];
  for await (const part of response.body) parts.push(Buffer.from(part).toString());
  assert.deepEqual(parts, ['first', 'second']); // Two pieces: the first did not wait for the second.
});

test('provisioned concurrency is there for every connection', async () => {
  await lambda.send(new CreateFunctionCommand({
    FunctionName: 'ready', Runtime: 'nodejs20.x', Handler: 'index.handler', Role: 'arn:aws:iam::000000000000:role/r',
    Publish: true, Code: { ZipFile: zipSync({ 'index.js': strToU8(
      'exports.handler = async () => process.env.AWS_LAMBDA_INITIALIZATION_TYPE;') }) },
  }));
  const config = { FunctionName: 'ready', Qualifier: '1' };
  const { Status } = await lambda.send(new PutProvisionedConcurrencyConfigCommand({ ...config, ProvisionedConcurrentExecutions: 1 }));
  assert.equal(Status, 'IN_PROGRESS');
  await clock({ advance: '1s' }); // Answers when what began has ended.
  const state = await lambda.send(new GetProvisionedConcurrencyConfigCommand(config));
  assert.equal(state.Status, 'READY');
  assert.equal(state.AvailableProvisionedConcurrentExecutions, 1);
  // Each client has a connection of its own, and connections are of several loops.
  for (let i = 0; i < 8; ++i) {
    const other = new LambdaClient({ ...settings(moonbase.url), maxAttempts: 1 });
    const answer = await other.send(new InvokeCommand(config));
    assert.equal(Buffer.from(answer.Payload).toString(), '"provisioned-concurrency"');
    other.destroy();
  }
});

test('policies as a whole, runtime management, and tags of mappings', async () => {
  const { FunctionArn } = await create('governed', "function handler() return 1 end");
  const statement = { Sid: 'bus', Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' },
    Action: 'lambda:InvokeFunction', Resource: FunctionArn };
  await lambda.send(new PutResourcePolicyCommand({
    ResourceArn: FunctionArn, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
  }));
  const { Policy } = await lambda.send(new GetPolicyCommand({ FunctionName: 'governed' }));
  assert.deepEqual(JSON.parse(Policy).Statement, [statement]);
  await lambda.send(new PutRuntimeManagementConfigCommand({ FunctionName: 'governed', UpdateRuntimeOn: 'FunctionUpdate' }));
  const { UpdateRuntimeOn } = await lambda.send(new GetRuntimeManagementConfigCommand({ FunctionName: 'governed' }));
  assert.equal(UpdateRuntimeOn, 'FunctionUpdate');
  const { TableDescription } = await table('governed', {
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
  });
  const { EventSourceMappingArn } = await lambda.send(new CreateEventSourceMappingCommand({
    FunctionName: 'governed', EventSourceArn: TableDescription.LatestStreamArn, StartingPosition: 'LATEST', Tags: { team: 'moon' },
  }));
  await lambda.send(new TagResourceCommand({ Resource: EventSourceMappingArn, Tags: { stage: 'test' } }));
  assert.deepEqual((await lambda.send(new ListTagsCommand({ Resource: EventSourceMappingArn }))).Tags, { team: 'moon', stage: 'test' });
});

test('a layer is published and named by a function', async () => {
  const { LayerVersionArn } = await lambda.send(new PublishLayerVersionCommand({
    LayerName: 'lib', Content: { ZipFile: zip('return 1') }, CompatibleRuntimes: ['lua'],
  }));
  await create('layered', "function handler() return 1 end", { Layers: [LayerVersionArn] });
  const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'layered' }));
  assert.equal(Configuration.Layers[0].Arn, LayerVersionArn);
  await assert.rejects(lambda.send(new UpdateFunctionConfigurationCommand({
    FunctionName: 'layered', Layers: [LayerVersionArn.replace(/1$/, '9')],
  })), { name: 'InvalidParameterValueException' });
});

test("a table's stream reaches a function through a mapping", async () => {
  const { TableDescription } = await table('orders', {
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
  });
  await create('changes', keeper('change'));
  const mapping = await lambda.send(new CreateEventSourceMappingCommand({
    FunctionName: 'changes', EventSourceArn: TableDescription.LatestStreamArn, StartingPosition: 'LATEST',
    FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ dynamodb: { NewImage: { n: { N: ['2'] } } } }) }] },
  }));
  assert.match(mapping.UUID, /^[0-9a-f-]{36}$/);
  for (const n of ['1', '2'])
    await dynamodb.send(new PutItemCommand({ TableName: 'orders', Item: { id: { S: n }, n: { N: n } } }));
  await clock({ advance: '1s' });
  const event = JSON.parse((await item('got', 'change')).event.S);
  assert.equal(event.Records.length, 1);
  assert.equal(event.Records[0].eventName, 'INSERT');
  assert.deepEqual(event.Records[0].dynamodb.NewImage, { id: { S: '2' }, n: { N: '2' } });
});
