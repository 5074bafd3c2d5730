// The shop, from its stack and once more made by the AWS SDK alone: both behave the same.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { zipSync } from 'fflate';
import {
  APIGatewayClient, CreateDeploymentCommand, CreateResourceCommand, CreateRestApiCommand, GetResourcesCommand,
  PutIntegrationCommand, PutMethodCommand,
} from '@aws-sdk/client-api-gateway';
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { root, settings, start } from './moonbase.mjs';

// What a shop promises, whoever made it.
function shopBehaves(shop) {
  const ask = async (method, where, body) => {
    const response = await fetch(shop() + where, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    return [response.status, text && JSON.parse(text)];
  };

  test('an empty shop has no products', async () => {
    assert.deepEqual(await ask('GET', '/product'), [200, []]);
  });
  test('a product that was put in can be looked at', async () => {
    const lamp = { id: '1', name: 'Lamp', price: 20, tags: ['light', 'desk'], stock: { berlin: 3 } };
    assert.deepEqual(await ask('POST', '/product', lamp), [201, lamp]);
    assert.deepEqual(await ask('GET', '/product/1'), [200, lamp]);
    assert.deepEqual(await ask('GET', '/product'), [200, [lamp]]);
  });
  test('a product without an id gets one', async () => {
    const [status, chair] = await ask('POST', '/product', { name: 'Chair' });
    assert.equal(status, 201);
    assert.match(chair.id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(await ask('GET', `/product/${chair.id}`), [200, chair]);
  });
  test('a product can be changed', async () => {
    assert.deepEqual(await ask('PUT', '/product/1', { name: 'Desk lamp', price: 25 }),
      [200, { id: '1', name: 'Desk lamp', price: 25 }]);
    assert.deepEqual(await ask('GET', '/product/1'), [200, { id: '1', name: 'Desk lamp', price: 25 }]);
  });
  test('what is not there is 404, what is no product 400', async () => {
    assert.deepEqual(await ask('GET', '/product/none'), [404, { message: 'no product none' }]);
    assert.deepEqual(await ask('PUT', '/product/none', { name: 'x' }), [404, { message: 'no product none' }]);
    assert.deepEqual(await ask('POST', '/product', { price: 1 }), [400, { message: 'a product needs a name' }]);
  });
  test('a deleted product is gone', async () => {
    assert.deepEqual(await ask('DELETE', '/product/1'), [204, '']);
    assert.deepEqual(await ask('GET', '/product/1'), [404, { message: 'no product 1' }]);
  });
  test('a path without a method is refused as API Gateway does', async () => {
    const response = await fetch(shop() + '/nothing');
    assert.equal(response.status, 403);
    assert.equal(response.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException');
    assert.deepEqual(await response.json(), { message: 'Missing Authentication Token' });
  });
}

describe('the shop from its stack', () => {
  let moonbase;
  before(async () => { moonbase = await start('examples/shop/stack.lua'); });
  after(() => moonbase.stop());

  shopBehaves(() => `${moonbase.url}/_aws/execute-api/shop/prod`);

  test('its function in C++ computes the price with tax', async () => {
    const shop = `${moonbase.url}/_aws/execute-api/shop/prod`;
    await fetch(`${shop}/product`, { method: 'POST', body: '{"id":"2","name":"Lamp","price":20}' });
    const response = await fetch(`${shop}/product/2/price`);
    assert.deepEqual([response.status, await response.json()], [200, { id: '2', net: 20, gross: 23.8 }]);
  });
  test('what it made is real to any SDK', async () => {
    const dynamodb = new DynamoDBClient(settings(moonbase.url));
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: 'product' }));
    assert.deepEqual(Table.KeySchema, [{ AttributeName: 'id', KeyType: 'HASH' }]);
    const { Items } = await dynamodb.send(new ScanCommand({ TableName: 'product' }));
    assert.ok(Items.some((item) => item.id.S === '2'));
  });
});

describe('the shop made by the AWS SDK alone', () => {
  let moonbase, api;
  before(async () => {
    moonbase = await start();
    const gateway = new APIGatewayClient(settings(moonbase.url));
    const dynamodb = new DynamoDBClient(settings(moonbase.url));
    const lambda = new LambdaClient(settings(moonbase.url));

    await dynamodb.send(new CreateTableCommand({
      TableName: 'product', BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }));
    const { FunctionArn } = await lambda.send(new CreateFunctionCommand({
      FunctionName: 'productFunction', Runtime: 'lua', Handler: 'stack.lua:productFunction',
      Role: 'arn:aws:iam::000000000000:role/product', MemorySize: 128, Timeout: 3,
      Environment: { Variables: { DYNAMODB_TABLE_NAME: 'product', PRIMARY_KEY: 'id' } },
      Code: { ZipFile: zipSync({ 'stack.lua': readFileSync(path.join(root, 'examples/shop/stack.lua')) }) },
    }));

    ({ id: api } = await gateway.send(new CreateRestApiCommand({ name: 'shop' })));
    const { items } = await gateway.send(new GetResourcesCommand({ restApiId: api }));
    const make = (parentId, pathPart) => gateway.send(new CreateResourceCommand({ restApiId: api, parentId, pathPart }));
    const product = await make(items[0].id, 'product');
    const one = await make(product.id, '{id}');
    for (const [resource, methods] of [[product, ['GET', 'POST']], [one, ['GET', 'PUT', 'DELETE']]]) {
      for (const httpMethod of methods) {
        const where = { restApiId: api, resourceId: resource.id, httpMethod };
        await gateway.send(new PutMethodCommand({ ...where, authorizationType: 'NONE' }));
        await gateway.send(new PutIntegrationCommand({
          ...where, type: 'AWS_PROXY', integrationHttpMethod: 'POST',
          uri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${FunctionArn}/invocations`,
        }));
      }
    }
    await gateway.send(new CreateDeploymentCommand({ restApiId: api, stageName: 'prod' }));
  });
  after(() => moonbase.stop());

  shopBehaves(() => `${moonbase.url}/restapis/${api}/prod/_user_request_`);

  test('its function can be invoked', async () => {
    const lambda = new LambdaClient(settings(moonbase.url));
    const answer = await lambda.send(new InvokeCommand({
      FunctionName: 'productFunction', LogType: 'Tail',
      Payload: JSON.stringify({ httpMethod: 'GET', resource: '/product/{id}', pathParameters: { id: 'none' }, requestContext: {} }),
    }));
    assert.equal(answer.StatusCode, 200);
    assert.equal(answer.FunctionError, undefined);
    assert.deepEqual(JSON.parse(Buffer.from(answer.Payload).toString()).statusCode, 404);
    assert.match(Buffer.from(answer.LogResult, 'base64').toString(), /^START RequestId: .*\nEND RequestId: .*\nREPORT RequestId: /);
  });
});
