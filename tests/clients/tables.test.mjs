// DynamoDB through what people put on top of the SDK: the document client and three modelling libraries,
// each as it comes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import * as sdk from '@aws-sdk/client-dynamodb';
import * as lib from '@aws-sdk/lib-dynamodb';
import dynamoose from 'dynamoose';
import { Entity, Service } from 'electrodb';
import * as toolbox from 'dynamodb-toolbox';
import { settings, start } from './moonbase.mjs';

let moonbase, client;
before(async () => {
  moonbase = await start();
  client = new sdk.DynamoDBClient(settings(moonbase.url));
});
after(async () => {
  client?.destroy();
  assert.equal(await moonbase.stop(), 0);
});

const table = (TableName, keys, indexes = {}) => {
  const types = {};
  const schema = (list) => list.map((key, i) => {
    const [AttributeName, AttributeType = 'S'] = key.split(':');
    types[AttributeName] = AttributeType;
    return { AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' };
  });
  const KeySchema = schema(keys);
  const GlobalSecondaryIndexes = Object.entries(indexes).map(([IndexName, list]) => ({
    IndexName, KeySchema: schema(list), Projection: { ProjectionType: 'ALL' },
  }));
  return client.send(new sdk.CreateTableCommand({
    TableName, KeySchema, BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: Object.entries(types).map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    ...(GlobalSecondaryIndexes.length ? { GlobalSecondaryIndexes } : {}),
  }));
};

test('the document client: plain values, pages, batches, transactions', async () => {
  await table('documents', ['pk', 'sk:N']);
  await sdk.waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName: 'documents' });
  const documents = lib.DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const item = { pk: 'a', sk: 1, list: [1, 'two', { three: 3n }], set: new Set(['x', 'y']), bytes: new Uint8Array([0, 255]), none: null };
  await documents.send(new lib.PutCommand({ TableName: 'documents', Item: { ...item, gone: undefined } }));
  const { Item } = await documents.send(new lib.GetCommand({ TableName: 'documents', Key: { pk: 'a', sk: 1 } }));
  assert.deepEqual(Item, { ...item, list: [1, 'two', { three: 3 }] });

  await documents.send(new lib.BatchWriteCommand({
    RequestItems: { documents: Array.from({ length: 25 }, (_, i) => ({ PutRequest: { Item: { pk: 'many', sk: i } } })) },
  }));
  const found = [];
  for await (const page of lib.paginateQuery({ client: documents, pageSize: 4 }, {
    TableName: 'documents', KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'many' },
  })) found.push(...page.Items.map((each) => each.sk));
  assert.deepEqual(found, Array.from({ length: 25 }, (_, i) => i));

  const failed = documents.send(new lib.TransactWriteCommand({
    TransactItems: [
      { Update: { TableName: 'documents', Key: { pk: 'a', sk: 1 }, UpdateExpression: 'SET n = :n', ExpressionAttributeValues: { ':n': 1 } } },
      { ConditionCheck: { TableName: 'documents', Key: { pk: 'no', sk: 1 }, ConditionExpression: 'attribute_exists(pk)' } },
    ],
  }));
  await assert.rejects(failed, (error) => {
    assert.equal(error.name, 'TransactionCanceledException');
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ['None', 'ConditionalCheckFailed']);
    return true;
  });
  const { Attributes } = await documents.send(new lib.UpdateCommand({
    TableName: 'documents', Key: { pk: 'a', sk: 1 }, ReturnValues: 'ALL_NEW',
    UpdateExpression: 'SET #l[0] = #l[0] + :one, seen = list_append(if_not_exists(seen, :none), :now) DELETE #s :x REMOVE bytes',
    ExpressionAttributeNames: { '#l': 'list', '#s': 'set' },
    ExpressionAttributeValues: { ':one': 1, ':none': [], ':now': ['today'], ':x': new Set(['x']) },
  }));
  assert.deepEqual(Attributes, { pk: 'a', sk: 1, list: [2, 'two', { three: 3 }], set: new Set(['y']), none: null, seen: ['today'] });
});

test('dynamoose makes its table, and its models work on it', async () => {
  dynamoose.aws.ddb.set(new dynamoose.aws.ddb.DynamoDB(settings(moonbase.url)));
  const Cat = dynamoose.model('Cat', new dynamoose.Schema({
    id: { type: String, hashKey: true },
    owner: { type: String, index: { name: 'byOwner', type: 'global' } },
    age: Number,
    toys: { type: Array, schema: [String] },
  }, { timestamps: true }));
  new dynamoose.Table('Cats', [Cat], { waitForActive: { check: { frequency: 10 } } });
  await Cat.create({ id: 'tom', owner: 'ann', age: 3, toys: ['ball'] });
  await Cat.batchPut([{ id: 'kit', owner: 'ann', age: 1 }, { id: 'leo', owner: 'bob', age: 9 }]);
  await assert.rejects(Cat.create({ id: 'tom', owner: 'eve' }), { name: 'ConditionalCheckFailedException' });
  await Cat.update({ id: 'tom' }, { $ADD: { age: 1 }, $SET: { owner: 'bob' } });
  const tom = await Cat.get('tom');
  assert.equal(tom.age, 4);
  assert.ok(tom.createdAt instanceof Date);
  const bobs = await Cat.query('owner').eq('bob').using('byOwner').exec();
  assert.deepEqual(bobs.map((cat) => cat.id).sort(), ['leo', 'tom']);
  const old = await Cat.scan('age').gt(5).exec();
  assert.deepEqual(old.map((cat) => cat.id), ['leo']);
  await dynamoose.transaction([Cat.transaction.delete('kit'), Cat.transaction.update({ id: 'leo' }, { $SET: { age: 10 } })]);
  assert.equal(await Cat.get('kit'), undefined);
});

test('electrodb: two entities in one table, collections, conditions', async () => {
  await table('electro', ['pk', 'sk'], { gsi1: ['gsi1pk', 'gsi1sk'] });
  const owned = { pk: { field: 'gsi1pk', composite: ['owner'] } };
  const Task = new Entity({
    model: { entity: 'task', version: '1', service: 'work' },
    attributes: {
      id: { type: 'string', required: true }, owner: { type: 'string', required: true },
      state: { type: ['open', 'done'], default: 'open' }, points: { type: 'number', default: 0 },
      labels: { type: 'set', items: 'string' },
    },
    indexes: {
      primary: { pk: { field: 'pk', composite: ['id'] }, sk: { field: 'sk', composite: [] } },
      owned: { index: 'gsi1', collection: 'owned', ...owned, sk: { field: 'gsi1sk', composite: ['state'] } },
    },
  }, { client, table: 'electro' });
  const Note = new Entity({
    model: { entity: 'note', version: '1', service: 'work' },
    attributes: { id: { type: 'string', required: true }, owner: { type: 'string', required: true }, text: { type: 'string' } },
    indexes: {
      primary: { pk: { field: 'pk', composite: ['id'] }, sk: { field: 'sk', composite: [] } },
      owned: { index: 'gsi1', collection: 'owned', ...owned, sk: { field: 'gsi1sk', composite: ['id'] } },
    },
  }, { client, table: 'electro' });
  const work = new Service({ Task, Note });
  await Task.create({ id: 't1', owner: 'ann', labels: ['red'] }).go();
  await Task.put([{ id: 't2', owner: 'ann', state: 'done' }, { id: 't3', owner: 'bob' }]).go();
  await Note.create({ id: 'n1', owner: 'ann', text: 'milk' }).go();
  const { data } = await work.collections.owned({ owner: 'ann' }).go();
  assert.deepEqual(data.Task.map((task) => task.id).sort(), ['t1', 't2']);
  assert.deepEqual(data.Note.map((note) => note.text), ['milk']);
  await Task.patch({ id: 't1' }).add({ points: 5, labels: ['blue'] }).where(({ state }, { eq }) => eq(state, 'open')).go();
  const { data: t1 } = await Task.get({ id: 't1' }).go();
  assert.deepEqual([t1.points, t1.labels.sort()], [5, ['blue', 'red']]);
  await assert.rejects(Task.create({ id: 't1', owner: 'eve' }).go(), /The conditional request failed/);
});

test('dynamodb-toolbox: schema, parsed commands, a query', async () => {
  await table('toolbox', ['pk', 'sk']);
  const Pets = new toolbox.Table({
    name: 'toolbox', partitionKey: { name: 'pk', type: 'string' }, sortKey: { name: 'sk', type: 'string' },
    documentClient: lib.DynamoDBDocumentClient.from(client),
  });
  const Pet = new toolbox.Entity({
    name: 'Pet', table: Pets,
    schema: toolbox.item({
      kind: toolbox.string().key().savedAs('pk'), name: toolbox.string().key().savedAs('sk'),
      age: toolbox.number().optional(), tags: toolbox.set(toolbox.string()).optional(),
    }),
  });
  await Pet.build(toolbox.PutItemCommand).item({ kind: 'cat', name: 'tom', age: 3, tags: new Set(['grey']) }).send();
  await Pet.build(toolbox.PutItemCommand).item({ kind: 'cat', name: 'kit', age: 1 }).send();
  await Pet.build(toolbox.UpdateItemCommand).item({ kind: 'cat', name: 'tom', age: toolbox.$add(1), tags: toolbox.$add(new Set(['old'])) }).send();
  const { Item } = await Pet.build(toolbox.GetItemCommand).key({ kind: 'cat', name: 'tom' }).send();
  assert.deepEqual([Item.age, [...Item.tags].sort()], [4, ['grey', 'old']]);
  const { Items } = await Pets.build(toolbox.QueryCommand).entities(Pet).query({ partition: 'cat', range: { beginsWith: 'k' } }).send();
  assert.deepEqual(Items.map((pet) => pet.name), ['kit']);
  await assert.rejects(
    Pet.build(toolbox.PutItemCommand).item({ kind: 'cat', name: 'tom' })
      .options({ condition: { attr: 'name', exists: false } }).send(),
    { name: 'ConditionalCheckFailedException' });
});

test('backups, point-in-time recovery and replicas, with the SDK and the movable clock', async () => {
  await table('ledger', ['id']);
  const put = (id) => client.send(new sdk.PutItemCommand({ TableName: 'ledger', Item: { id: { S: id } } }));
  const count = async (TableName, from = client) =>
    (await from.send(new sdk.ScanCommand({ TableName, Select: 'COUNT' }))).Count;
  const clock = async (change) => {
    const answer = await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(change) });
    return (await answer.json()).now_ms;
  };
  await client.send(new sdk.UpdateContinuousBackupsCommand({
    TableName: 'ledger', PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  }));
  await put('a');
  const then = await clock({ advance: '10s' });
  await clock({ advance: '10s' });
  await put('b');
  const { BackupDetails } = await client.send(new sdk.CreateBackupCommand({ TableName: 'ledger', BackupName: 'both' }));
  await put('c');
  await client.send(new sdk.RestoreTableToPointInTimeCommand({
    SourceTableName: 'ledger', TargetTableName: 'ledger-then', RestoreDateTime: new Date(then),
  }));
  await client.send(new sdk.RestoreTableFromBackupCommand({ BackupArn: BackupDetails.BackupArn, TargetTableName: 'ledger-both' }));
  assert.deepEqual([await count('ledger-then'), await count('ledger-both'), await count('ledger')], [1, 2, 3]);

  await client.send(new sdk.UpdateTableCommand({ TableName: 'ledger', ReplicaUpdates: [{ Create: { RegionName: 'eu-west-1' } }] }));
  const away = new sdk.DynamoDBClient({ ...settings(moonbase.url), region: 'eu-west-1' });
  await put('d');
  assert.equal(await count('ledger', away), 4);
  away.destroy();
});

test('DAX: an unmodified client with another endpoint reads what was kept', async () => {
  await table('catalogue', ['id']);
  const cached = new sdk.DynamoDBClient({ ...settings(moonbase.url), endpoint: `${moonbase.url}/_aws/dax/` });
  const documents = lib.DynamoDBDocumentClient.from(cached), direct = lib.DynamoDBDocumentClient.from(client);
  const Key = { id: 'lamp' }, TableName = 'catalogue';
  const price = async (options = {}) => (await documents.send(new lib.GetCommand({ TableName, Key, ...options }))).Item?.price;
  await documents.send(new lib.PutCommand({ TableName, Item: { ...Key, price: 5, photo: new Uint8Array([1, 2, 255]) } }));
  assert.equal(await price(), 5);
  await direct.send(new lib.PutCommand({ TableName, Item: { ...Key, price: 6 } }));
  assert.deepEqual([await price(), await price({ ConsistentRead: true })], [5, 6]);
  const { Item } = await documents.send(new lib.GetCommand({ TableName, Key, ProjectionExpression: 'photo' }));
  assert.deepEqual(Item, { photo: new Uint8Array([1, 2, 255]) });
  const again = documents.send(new lib.PutCommand({ TableName, Item: Key, ConditionExpression: 'attribute_not_exists(id)' }));
  await assert.rejects(again, { name: 'ConditionalCheckFailedException', message: 'The conditional request failed' });
  await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify({ advance: '5m' }) });
  assert.equal(await price(), 6);
  await assert.rejects(cached.send(new sdk.DescribeTableCommand({ TableName })), { name: 'UnknownOperationException' });
  cached.destroy();
});

test('vectors: the most similar items, through the SDK', async () => {
  await client.send(new sdk.CreateTableCommand({
    TableName: 'articles', BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: ['id', 'topic'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    VectorIndexes: [{
      IndexName: 'by-topic', VectorAttribute: { AttributeName: 'embedding' }, Dimensions: 3, DistanceFunction: 'COSINE',
      SearchSchema: [{ AttributeName: 'topic', SearchSchemaElementType: 'HASH' }], Projection: { ProjectionType: 'ALL' },
    }],
  }));
  const numbers = (list) => list.map((number) => ({ N: String(number) }));
  for (const [id, topic, list] of [['a', 'moon', [1, 0, 0]], ['b', 'moon', [0.6, 0.8, 0]], ['c', 'sun', [1, 0, 0]]])
    await client.send(new sdk.PutItemCommand({
      TableName: 'articles', Item: { id: { S: id }, topic: { S: topic }, embedding: { L: numbers(list) } },
    }));
  const { SearchResults } = await client.send(new sdk.SearchVectorsCommand({
    TableName: 'articles', IndexName: 'by-topic', SearchVector: numbers([1, 0, 0]), TopK: 5,
    SearchConditionExpression: 'topic = :t', ExpressionAttributeValues: { ':t': { S: 'moon' } },
  }));
  assert.deepEqual(SearchResults.map(({ Item }) => Item), [{ id: { S: 'a' }, topic: { S: 'moon' } }, { id: { S: 'b' }, topic: { S: 'moon' } }]);
  assert.ok(Math.abs(SearchResults[1].Score - 0.4) < 1e-6, `${SearchResults[1].Score}`);
});
