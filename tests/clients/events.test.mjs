// EventBridge, Scheduler and Pipes with their stock clients: functions get what rules and schedules send.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { zipSync } from 'fflate';
import { CreateTableCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateApiDestinationCommand, CreateArchiveCommand, CreateConnectionCommand, CreateEventBusCommand, DeleteRuleCommand, DescribeArchiveCommand, DescribeRuleCommand, EventBridgeClient,
  ListRulesCommand, ListTargetsByRuleCommand, PutEventsCommand, PutRuleCommand, PutTargetsCommand,
  RemoveTargetsCommand, TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { AddPermissionCommand, CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreatePipeCommand, ListPipesCommand, PipesClient } from '@aws-sdk/client-pipes';
import {
  CreateScheduleCommand, CreateScheduleGroupCommand, DeleteScheduleCommand, GetScheduleCommand, ListSchedulesCommand,
  SchedulerClient, UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { settings, start } from './moonbase.mjs';

const code = `
local s = require "stack" { name = "events" }
local seen = s.table "seen" { key = "id:S" }
s.fn "keep" { handler = function(event)
  seen:put { id = event.detail and event.detail.id or event.id, what = json.encode(event) }
end }
return s`;
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:keep';

describe('events, schedules and pipes', () => {
  let moonbase, events, scheduler, pipes, dynamodb;
  const advance = async (time) => {
    const response = await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ advance: time }) });
    assert.equal(response.status, 200);
  };
  // What the function kept under this id, when all that fell due has been done.
  const kept = async (id) => {
    await advance('0s');
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'seen', Key: { id: { S: id } } }));
    return Item && JSON.parse(Item.what.S);
  };

  before(async () => {
    moonbase = await start();
    await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ stop: true }) });
    await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ set: '2027-01-01T00:00:00Z' }) });
    const all = settings(moonbase.url);
    events = new EventBridgeClient(all);
    scheduler = new SchedulerClient(all);
    pipes = new PipesClient(all);
    dynamodb = new DynamoDBClient(all);
    await dynamodb.send(new CreateTableCommand({
      TableName: 'seen', BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }));
    const lambda = new LambdaClient(all);
    await lambda.send(new CreateFunctionCommand({
      FunctionName: 'keep', Runtime: 'lua', Handler: 'stack.lua:keep', Role: 'arn:aws:iam::000000000000:role/keep',
      Code: { ZipFile: zipSync({ 'stack.lua': new TextEncoder().encode(code) }) },
    }));
    await lambda.send(new AddPermissionCommand({
      FunctionName: 'keep', StatementId: 'events', Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com',
    }));
  });
  after(() => moonbase.stop());

  test('a rule sends the events that it matches to a function', async () => {
    const { EventBusArn } = await events.send(new CreateEventBusCommand({ Name: 'shop' }));
    assert.equal(EventBusArn, 'arn:aws:events:us-east-1:000000000000:event-bus/shop');
    const { RuleArn } = await events.send(new PutRuleCommand({
      Name: 'large', EventBusName: 'shop',
      EventPattern: JSON.stringify({ source: ['shop'], detail: { total: [{ numeric: ['>', 100] }] } }),
    }));
    assert.equal(RuleArn, 'arn:aws:events:us-east-1:000000000000:rule/shop/large');
    const put = await events.send(new PutTargetsCommand({ Rule: 'large', EventBusName: 'shop', Targets: [{ Id: '1', Arn: functionArn }] }));
    assert.equal(put.FailedEntryCount, 0);
    const entry = (id, total) => ({
      EventBusName: EventBusArn, Source: 'shop', DetailType: 'Order', Detail: JSON.stringify({ id, total }),
      Time: new Date('2026-12-31T23:00:00Z'), Resources: ['arn:aws:shop:::order'],
    });
    const { Entries, FailedEntryCount } = await events.send(new PutEventsCommand({
      Entries: [entry('small', 50), entry('large', 150), { Source: 'aws.s3', DetailType: 'x', Detail: '{}' }],
    }));
    assert.equal(FailedEntryCount, 1);
    assert.equal(Entries[2].ErrorCode, 'NotAuthorizedForSourceException');
    assert.deepEqual(await kept('large'), {
      version: '0', id: Entries[1].EventId, 'detail-type': 'Order', source: 'shop', account: '000000000000',
      time: '2026-12-31T23:00:00Z', region: 'us-east-1', resources: ['arn:aws:shop:::order'],
      detail: { id: 'large', total: 150 },
    });
    assert.equal(await kept('small'), undefined);
  });

  test('rules are described, listed and deleted', async () => {
    const rule = await events.send(new DescribeRuleCommand({ Name: 'large', EventBusName: 'shop' }));
    assert.equal(rule.State, 'ENABLED');
    assert.equal(rule.CreatedBy, '000000000000');
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: 'large', EventBusName: 'shop' }));
    assert.deepEqual(Targets, [{ Id: '1', Arn: functionArn }]);
    await assert.rejects(events.send(new DeleteRuleCommand({ Name: 'large', EventBusName: 'shop' })),
      { name: 'ValidationException', message: "Rule can't be deleted since it has targets." });
    await events.send(new RemoveTargetsCommand({ Rule: 'large', EventBusName: 'shop', Ids: ['1'] }));
    await events.send(new DeleteRuleCommand({ Name: 'large', EventBusName: 'shop' }));
    assert.deepEqual((await events.send(new ListRulesCommand({ EventBusName: 'shop' }))).Rules, []);
    await assert.rejects(events.send(new DescribeRuleCommand({ Name: 'large', EventBusName: 'shop' })),
      { name: 'ResourceNotFoundException', message: 'Rule large does not exist on EventBus shop.' });
  });

  test('patterns are tested, and refused where they are wrong', async () => {
    const Event = JSON.stringify({ id: '1', account: '1', source: 'shop', time: 't', region: 'r', 'detail-type': 'd' });
    const { Result } = await events.send(new TestEventPatternCommand({ Event, EventPattern: '{"source":[{"prefix":"sh"}]}' }));
    assert.equal(Result, true);
    await assert.rejects(events.send(new PutRuleCommand({ Name: 'x', EventPattern: '{"source":[{"foo":"x"}]}' })), {
      name: 'InvalidEventPatternException',
      message: 'Event pattern is not valid. Reason: Unrecognized match type foo\n at [Source: (String)"{"source":[{"foo":"x"}]}"; line: 1, column: 20]',
    });
  });

  test('a rule with a schedule fires on the platform\'s clock', async () => {
    await events.send(new PutRuleCommand({ Name: 'tick', ScheduleExpression: 'rate(5 minutes)' }));
    await events.send(new PutTargetsCommand({ Rule: 'tick', Targets: [{
      Id: '1', Arn: functionArn,
      InputTransformer: { InputPathsMap: { at: '$.time' }, InputTemplate: '{"id":"tick","at":<at>}' },
    }] }));
    await advance('5m');
    assert.deepEqual(await kept('tick'), { id: 'tick', at: '2027-01-01T00:05:00Z' });
  });

  test('a schedule runs once in its time zone and is deleted', async () => {
    await scheduler.send(new CreateScheduleGroupCommand({ Name: 'own' }));
    const { ScheduleArn } = await scheduler.send(new CreateScheduleCommand({
      Name: 'once', GroupName: 'own', ScheduleExpression: 'at(2027-01-01T10:00:00)',
      ScheduleExpressionTimezone: 'Europe/Berlin', FlexibleTimeWindow: { Mode: 'OFF' }, ActionAfterCompletion: 'DELETE',
      Target: {
        Arn: functionArn, RoleArn: 'arn:aws:iam::000000000000:role/scheduler',
        Input: '{"id":"once","arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>"}',
      },
    }));
    assert.equal(ScheduleArn, 'arn:aws:scheduler:us-east-1:000000000000:schedule/own/once');
    const schedule = await scheduler.send(new GetScheduleCommand({ Name: 'once', GroupName: 'own' }));
    assert.equal(schedule.ScheduleExpressionTimezone, 'Europe/Berlin');
    assert.deepEqual(schedule.CreationDate, new Date('2027-01-01T00:05:00Z'));
    await advance('8h');
    assert.equal(await kept('once'), undefined);
    await advance('1h');
    assert.deepEqual(await kept('once'), { id: 'once', arn: ScheduleArn, at: '2027-01-01T09:00:00Z' });
    await assert.rejects(scheduler.send(new GetScheduleCommand({ Name: 'once', GroupName: 'own' })),
      { name: 'ResourceNotFoundException', message: 'Schedule once does not exist.' });
  });

  test('a schedule calls any operation', async () => {
    const schedule = {
      Name: 'write', ScheduleExpression: 'rate(1 days)', FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: 'arn:aws:scheduler:::aws-sdk:dynamodb:putItem', RoleArn: 'arn:aws:iam::000000000000:role/scheduler',
        Input: JSON.stringify({ TableName: 'seen', Item: { id: { S: 'direct' }, what: { S: '"written"' } } }),
      },
    };
    await scheduler.send(new CreateScheduleCommand(schedule));
    assert.equal(await kept('direct'), 'written');
    await scheduler.send(new UpdateScheduleCommand({ ...schedule, State: 'DISABLED' }));
    const { Schedules } = await scheduler.send(new ListSchedulesCommand({ GroupName: 'default' }));
    assert.equal(Schedules.length, 1);
    assert.equal(Schedules[0].State, 'DISABLED');
    await scheduler.send(new DeleteScheduleCommand({ Name: 'write' }));
    await assert.rejects(scheduler.send(new CreateScheduleCommand({ ...schedule, ScheduleExpression: 'rate(1 second)' })),
      { name: 'ValidationException', message: 'Invalid Schedule Expression rate(1 second).' });
  });

  test('under load every event is passed on, and only once', async () => {
    await events.send(new CreateEventBusCommand({ Name: 'from' }));
    const { EventBusArn } = await events.send(new CreateEventBusCommand({ Name: 'to' }));
    await events.send(new CreateArchiveCommand({ ArchiveName: 'count', EventSourceArn: EventBusArn }));
    await events.send(new PutRuleCommand({ Name: 'all', EventBusName: 'from', EventPattern: '{"source":["load"]}' }));
    await events.send(new PutTargetsCommand({ Rule: 'all', EventBusName: 'from', Targets: [{ Id: '1', Arn: EventBusArn }] }));
    // Time must go on, so that what runs twice is counted twice.
    await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ resume: true }) });
    const Entries = Array.from({ length: 10 }, () => ({ EventBusName: 'from', Source: 'load', DetailType: 'x', Detail: '{}' }));
    await Promise.all(Array.from({ length: 50 }, async () => {
      for (let i = 0; i < 20; ++i) await events.send(new PutEventsCommand({ Entries }));
    }));
    await advance('0s');
    const { EventCount } = await events.send(new DescribeArchiveCommand({ ArchiveName: 'count' }));
    assert.equal(EventCount, 10_000);
  });

  test('what is not built says so', async () => {
    const pipe = {
      Name: 'p', RoleArn: 'arn:aws:iam::000000000000:role/pipe', Source: 'arn:aws:mq:us-east-1:000000000000:broker:b',
      Target: functionArn,
    };
    const failed = await pipes.send(new CreatePipeCommand(pipe)).catch((error) => error);
    assert.equal(failed.$metadata.httpStatusCode, 501);
    assert.deepEqual((await pipes.send(new ListPipesCommand({}))).Pipes, []);
    await events.send(new CreateArchiveCommand({ ArchiveName: 'a', EventSourceArn: 'arn:aws:events:us-east-1:000000000000:event-bus/default' }));
  });
});

describe('API destinations', () => {
  let moonbase, events, server, port;
  const requests = [];
  const failures = [];  // Status codes to answer next.
  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (text) => { body += text; });
      request.on('end', () => {
        requests.push({ method: request.method, url: request.url, headers: request.headers, body });
        if (request.url.startsWith('/token')) {
          response.setHeader('Content-Type', 'application/json');
          return response.end('{"access_token":"the-token","token_type":"Bearer","expires_in":3600}');
        }
        response.statusCode = failures.shift() ?? 200;
        response.end();
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = server.address().port;
    moonbase = await start('--outbound', '127.0.0.1');
    await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ stop: true }) });
    events = new EventBridgeClient(settings(moonbase.url));
  });
  after(async () => {
    await moonbase.stop();
    server.close();
  });
  const advance = (time) => fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ advance: time }) });
  const destination = async (name, AuthorizationType, AuthParameters, more = {}) => {
    const { ConnectionArn } = await events.send(new CreateConnectionCommand({ Name: name, AuthorizationType, AuthParameters }));
    const { ApiDestinationArn } = await events.send(new CreateApiDestinationCommand({
      Name: name, ConnectionArn, HttpMethod: 'POST', InvocationEndpoint: `http://127.0.0.1:${port}/${name}/*`, ...more,
    }));
    await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: [name] }) }));
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{
      Id: '1', Arn: ApiDestinationArn, RoleArn: 'arn:aws:iam::000000000000:role/api', InputPath: '$.detail',
      HttpParameters: {
        PathParameterValues: ['$.detail.id'], HeaderParameters: { 'X-Kind': '$.detail-type' }, QueryStringParameters: { q: 'a b' },
      },
    }] }));
  };
  const send = async (source, count = 1) => {
    requests.length = 0;
    const entry = { Source: source, DetailType: 'Order', Detail: '{"id":"o/1"}' };
    await events.send(new PutEventsCommand({ Entries: Array(count).fill(entry) }));
    await advance('10ms');  // Unless a destination says less, it gets 300 requests a second.
  };

  test('basic authorization, parameters from the event', async () => {
    await destination('basic', 'BASIC', {
      BasicAuthParameters: { Username: 'me', Password: 'secret' },
      InvocationHttpParameters: { BodyParameters: [{ Key: 'tenant', Value: 't' }], HeaderParameters: [{ Key: 'X-Own', Value: 'own' }] },
    });
    await send('basic');
    assert.equal(requests.length, 1);
    const [{ method, url, headers, body }] = requests;
    assert.deepEqual([method, url, body], ['POST', '/basic/o%2F1?q=a%20b', '{"id":"o/1","tenant":"t"}']);
    assert.equal(headers.authorization, 'Basic ' + Buffer.from('me:secret').toString('base64'));
    assert.deepEqual([headers['x-kind'], headers['x-own'], headers['user-agent']], ['Order', 'own', 'Amazon/EventBridge/ApiDestinations']);
  });
  test('an api key', async () => {
    await destination('key', 'API_KEY', { ApiKeyAuthParameters: { ApiKeyName: 'x-api-key', ApiKeyValue: '42' } });
    await send('key');
    assert.equal(requests[0].headers['x-api-key'], '42');
  });
  test('a token for client credentials, asked for once', async () => {
    await destination('oauth', 'OAUTH_CLIENT_CREDENTIALS', { OAuthParameters: {
      AuthorizationEndpoint: `http://127.0.0.1:${port}/token`, HttpMethod: 'POST',
      ClientParameters: { ClientID: 'id', ClientSecret: 'secret' },
      OAuthHttpParameters: { BodyParameters: [{ Key: 'scope', Value: 'all' }] },
    } });
    await send('oauth');
    assert.deepEqual(requests.map(({ url }) => url), ['/token', '/oauth/o%2F1?q=a%20b']);
    assert.equal(requests[0].body, 'grant_type=client_credentials&client_id=id&client_secret=secret&scope=all');
    assert.equal(requests[1].headers.authorization, 'Bearer the-token');
    await send('oauth');
    assert.equal(requests.length, 1);
    failures.push(401);
    await send('oauth');
    await advance('2s');
    assert.deepEqual(requests.map(({ url }) => url.split('?')[0]), ['/oauth/o%2F1', '/token', '/oauth/o%2F1']);
  });
  test('a server\'s fault is tried again, a client\'s is not', async () => {
    failures.push(503, 429);
    await send('key');
    await advance('10s');
    assert.equal(requests.length, 3);
    failures.push(404);
    await send('key');
    await advance('1h');
    assert.equal(requests.length, 1);
  });
  test('a rate limit spreads requests over time', async () => {
    await destination('slow', 'API_KEY', { ApiKeyAuthParameters: { ApiKeyName: 'k', ApiKeyValue: 'v' } },
      { InvocationRateLimitPerSecond: 2 });
    await send('slow', 5);
    assert.equal(requests.length, 1);
    await advance('1000ms');
    assert.equal(requests.length, 3);
    await advance('1000ms');
    assert.equal(requests.length, 5);
  });
});
