"""Debian's boto3 and awscli, as they are: older protocols than today's SDKs speak."""
import io
import json
import os
import re
import subprocess
import tempfile
import time
import unittest
import urllib.request
import zipfile
from decimal import Decimal

import boto3
import botocore.session
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
PROGRAM = os.environ.get("MOONBASE", os.path.join(ROOT, "build/moonbase"))
GIVEN = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [PROGRAM, "up", "--memory", "--port", "0", "--plugin", os.path.join(ROOT, "examples/coupons-lua")],
            stdout=subprocess.PIPE, text=True)
        cls.url = next(re.match(r"ready (.*)", line).group(1) for line in cls.process.stdout if line.startswith("ready"))

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        assert cls.process.wait() == 0
        cls.process.stdout.close()

    def client(self, service, **more):
        return boto3.client(service, endpoint_url=self.url, **{**GIVEN, **more})

    def test_tables_through_the_resource_api(self):
        dynamodb = boto3.resource("dynamodb", endpoint_url=self.url, **GIVEN)
        table = dynamodb.create_table(
            TableName="orders", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}])
        table.wait_until_exists()
        for n in range(5):
            table.put_item(Item={"pk": "a", "n": n, "lamp": {"colours": {"red", "blue"}}})
        found = table.query(KeyConditionExpression=Key("pk").eq("a") & Key("n").gt(2))
        self.assertEqual([int(item["n"]) for item in found["Items"]], [3, 4])
        self.assertEqual(found["Items"][0]["lamp"]["colours"], {"red", "blue"})
        with table.batch_writer() as batch:
            for n in range(60):
                batch.put_item(Item={"pk": "many", "n": n, "price": Decimal("0.1") * n})
        pages = table.meta.client.get_paginator("query").paginate(
            TableName="orders", KeyConditionExpression=Key("pk").eq("many"), FilterExpression=Attr("price").lt(Decimal("4.05")),
            PaginationConfig={"PageSize": 7})
        self.assertEqual([int(item["n"]) for page in pages for item in page["Items"]], list(range(41)))
        changed = table.update_item(Key={"pk": "many", "n": 3}, UpdateExpression="ADD price :p SET seen = :s",
                                    ExpressionAttributeValues={":p": Decimal("1.05"), ":s": Binary(b"\x00\xff")},
                                    ReturnValues="ALL_NEW")["Attributes"]
        self.assertEqual((changed["price"], changed["seen"].value), (Decimal("1.35"), b"\x00\xff"))
        with self.assertRaises(ClientError) as refused:
            table.put_item(Item={"pk": "a", "n": 1}, ConditionExpression="attribute_not_exists(pk)")
        self.assertEqual(refused.exception.response["Error"],
                         {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"})

    def test_versions_aliases_layers_and_logs(self):
        def package(code):
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as files:
                files.writestr("main.lua", code)
            return archive.getvalue()

        functions, logs = self.client("lambda"), self.client("logs")
        functions.create_function(
            FunctionName="versioned", Runtime="lua", Handler="main.handler", Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": package("function handler() print('lamp one') return 1 end")}, Publish=True)
        functions.update_function_code(FunctionName="versioned", ZipFile=package("function handler() return 2 end"))
        self.assertEqual(functions.publish_version(FunctionName="versioned")["Version"], "2")
        alias = functions.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1")
        answer = functions.invoke(FunctionName=alias["AliasArn"])
        self.assertEqual((answer["ExecutedVersion"], json.load(answer["Payload"])), ("1", 1))
        with self.assertRaises(functions.exceptions.PreconditionFailedException):
            functions.update_alias(FunctionName="versioned", Name="live", FunctionVersion="2", RevisionId="old")
        functions.update_alias(FunctionName="versioned", Name="live", FunctionVersion="2")
        self.assertEqual(json.load(functions.invoke(FunctionName="versioned", Qualifier="live")["Payload"]), 2)
        self.assertEqual(
            [each["Version"] for page in functions.get_paginator("list_versions_by_function").paginate(
                FunctionName="versioned", PaginationConfig={"PageSize": 1}) for each in page["Versions"]],
            ["$LATEST", "1", "2"])
        layer = functions.publish_layer_version(LayerName="lib", Content={"ZipFile": package("return 1")})
        functions.update_function_configuration(FunctionName="versioned", Layers=[layer["LayerVersionArn"]])
        settings = functions.get_account_settings()
        self.assertEqual(settings["AccountLimit"]["ConcurrentExecutions"], 1000)

        found = logs.filter_log_events(logGroupName="/aws/lambda/versioned", filterPattern='"lamp one"')
        self.assertEqual([event["message"] for event in found["events"]], ["lamp one"])
        logs.create_log_group(logGroupName="app", tags={"team": "lamps"})
        logs.create_log_stream(logGroupName="app", logStreamName="one")
        now = int(time.time() * 1000)
        logs.put_log_events(logGroupName="app", logStreamName="one",
                            logEvents=[{"timestamp": now, "message": '{"level":"error","n":3}'}])
        found = logs.filter_log_events(logGroupName="app", filterPattern='{ $.level = "error" && $.n > 2 }')
        self.assertEqual(len(found["events"]), 1)
        logs.put_retention_policy(logGroupName="app", retentionInDays=7)
        self.assertEqual(logs.describe_log_groups(logGroupNamePrefix="app")["logGroups"][0]["retentionInDays"], 7)

    def test_functions_in_python(self):
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("lib/lamps.py", "COLOURS = ['red', 'blue']")
            # Debian's boto3 is older than AWS_ENDPOINT_URL: it is told where to go.
            archive.writestr("app.py", """import os
import boto3
from lib import lamps

def handler(event, context):
    if event.get("deep"):
        return lamps.COLOURS
    if event.get("arn"):
        return context.invoked_function_arn
    client = boto3.client("lambda", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    answer = client.invoke(FunctionName=context.function_name, Payload=b'{"deep": true}')
    return answer["Payload"].read().decode()
""")
        functions = self.client("lambda")
        functions.create_function(FunctionName="lamps", Runtime="python3.11", Handler="app.handler", Timeout=30,
                                  MemorySize=512, Role="arn:aws:iam::000000000000:role/x",
                                  Code={"ZipFile": package.getvalue()})
        answer = functions.invoke(FunctionName="lamps", Payload=b"{}")
        self.assertEqual(json.loads(json.loads(answer["Payload"].read())), ["red", "blue"])
        functions.publish_version(FunctionName="lamps")
        alias = functions.create_alias(FunctionName="lamps", Name="live", FunctionVersion="1")["AliasArn"]
        answer = functions.invoke(FunctionName=alias, Payload=b'{"arn": true}')
        self.assertEqual(json.loads(answer["Payload"].read()), alias)
        answer = functions.put_provisioned_concurrency_config(FunctionName="lamps", Qualifier="live",
                                                              ProvisionedConcurrentExecutions=1)
        self.assertEqual((answer["Status"], answer["RequestedProvisionedConcurrentExecutions"]), ("IN_PROGRESS", 1))

    def test_functions(self):
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.lua", "return { handler = function(event) return { twice = event.n * 2 } end }")
        functions = self.client("lambda")
        functions.create_function(FunctionName="twice", Runtime="lua", Handler="index.handler",
                                  Role="arn:aws:iam::000000000000:role/any", Code={"ZipFile": package.getvalue()})
        answer = functions.invoke(FunctionName="twice", Payload=json.dumps({"n": 21}))
        self.assertEqual(json.loads(answer["Payload"].read()), {"twice": 42})
        with self.assertRaises(ClientError) as refused:
            functions.invoke(FunctionName="none")
        self.assertEqual(refused.exception.response["Error"]["Code"], "ResourceNotFoundException")

    def test_what_is_not_built_says_so_in_the_services_own_protocol(self):
        for service, operation in (("ses", "list_identities"), ("cloudfront", "list_distributions"),
                                   ("ec2", "describe_instances"), ("kinesis", "list_streams"), ("iam", "list_users")):
            with self.subTest(service), self.assertRaises(ClientError) as refused:
                getattr(self.client(service), operation)()
            self.assertEqual(refused.exception.response["Error"]["Code"], "NotImplemented")
            self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 501)

    def test_queues_through_the_query_protocol(self):
        sqs = self.client("sqs")
        queue = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "20"}, tags={"team": "moon"})["QueueUrl"]
        self.assertEqual(queue, self.url + "/000000000000/orders")
        self.assertEqual(sqs.list_queue_tags(QueueUrl=queue)["Tags"], {"team": "moon"})
        # botocore compares the digests.
        attributes = {"colour": {"DataType": "String", "StringValue": "blau"},
                      "bytes": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}
        sent = sqs.send_message(QueueUrl=queue, MessageBody="a < b & c", MessageAttributes=attributes)
        message = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
        self.assertEqual((message["Body"], message["MessageId"]), ("a < b & c", sent["MessageId"]))
        self.assertEqual(message["MessageAttributes"], attributes)
        self.assertEqual(message["Attributes"]["ApproximateReceiveCount"], "1")
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        batch = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(10)])
        self.assertEqual(len(batch["Successful"]), 10)
        got = boto3.resource("sqs", endpoint_url=self.url, **GIVEN).Queue(queue).receive_messages(MaxNumberOfMessages=10)
        self.assertEqual(sorted(one.body for one in got), sorted(f"m{i}" for i in range(10)))
        answer = sqs.delete_message_batch(
            QueueUrl=queue, Entries=[{"Id": "good", "ReceiptHandle": got[0].receipt_handle}, {"Id": "bad", "ReceiptHandle": "x"}])
        self.assertEqual([one["Id"] for one in answer["Successful"]], ["good"])
        self.assertEqual([(one["Id"], one["Code"]) for one in answer["Failed"]], [("bad", "ReceiptHandleIsInvalid")])
        self.assertEqual(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
                         ["ApproximateNumberOfMessagesNotVisible"], "9")
        with self.assertRaises(sqs.exceptions.QueueDoesNotExist) as refused:
            sqs.send_message(QueueUrl=queue + "x", MessageBody="x")
        self.assertEqual(refused.exception.response["Error"]["Code"], "AWS.SimpleQueueService.NonExistentQueue")
        with self.assertRaises(sqs.exceptions.QueueNameExists):
            sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "21"})
        with self.assertRaises(sqs.exceptions.PurgeQueueInProgress):
            sqs.purge_queue(QueueUrl=queue)
            sqs.purge_queue(QueueUrl=queue)

    def test_topics_through_the_query_protocol(self):
        sns, sqs = self.client("sns"), self.client("sqs")
        topic = sns.create_topic(Name="boto", Attributes={"DisplayName": "Boto"}, Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
        url = sqs.create_queue(QueueName="boto-topic")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={
            "FilterPolicy": json.dumps({"kind": ["ship"]})})["SubscriptionArn"]
        self.assertEqual(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [{
            "SubscriptionArn": subscription, "Owner": "000000000000", "Protocol": "sqs", "Endpoint": arn, "TopicArn": topic}])
        sns.publish(TopicArn=topic, Message="no")
        sent = sns.publish(TopicArn=topic, Message="yes", MessageAttributes={"kind": {"DataType": "String", "StringValue": "ship"}})
        received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        self.assertEqual([json.loads(each["Body"])["MessageId"] for each in received], [sent["MessageId"]])
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "a"}, {"Id": "2", "Message": ""}])
        self.assertEqual((answer["Successful"][0]["Id"], answer["Failed"][0]["Code"]), ("1", "InvalidParameter"))
        self.assertEqual(sns.list_tags_for_resource(ResourceArn=topic)["Tags"], [{"Key": "a", "Value": "b"}])
        with self.assertRaises(sns.exceptions.NotFoundException):
            sns.publish(TopicArn=topic + "x", Message="x")
        with self.assertRaises(sns.exceptions.InvalidParameterException) as refused:
            sns.create_topic(Name="boto", Attributes={"DisplayName": "Other"})
        self.assertEqual(refused.exception.response["Error"]["Message"],
                         "Invalid parameter: Attributes Reason: Topic already exists with different attributes")

    def test_accounts_are_apart(self):
        mine, other = (self.client("dynamodb", aws_access_key_id=account) for account in ("111111111111", "222222222222"))
        mine.create_table(TableName="mine", BillingMode="PAY_PER_REQUEST",
                          AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                          KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
        self.assertEqual(mine.list_tables()["TableNames"], ["mine"])
        self.assertEqual(other.list_tables()["TableNames"], [])

    def test_a_service_of_ones_own_through_a_custom_model(self):
        model = {
            "version": "2.0",
            "metadata": {"apiVersion": "2026-01-01", "endpointPrefix": "coupons", "jsonVersion": "1.0", "protocol": "json",
                         "serviceFullName": "Coupons", "serviceId": "Coupons", "signatureVersion": "v4",
                         "targetPrefix": "Coupons", "uid": "coupons-2026-01-01"},
            "operations": {name: {"name": name, "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": shape},
                                  "output": {"shape": "Answer"}}
                           for name, shape in (("CreateCoupon", "New"), ("RedeemCoupon", "Code"))},
            "shapes": {
                "New": {"type": "structure", "members": {"Code": {"shape": "Text"}, "Percent": {"shape": "Number"}}},
                "Code": {"type": "structure", "members": {"Code": {"shape": "Text"}}},
                "Answer": {"type": "structure", "members": {"Percent": {"shape": "Number"}}},
                "Text": {"type": "string"}, "Number": {"type": "integer"},
            },
        }
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "coupons/2026-01-01"))
            with open(os.path.join(folder, "coupons/2026-01-01/service-2.json"), "w") as file:
                json.dump(model, file)
            session = botocore.session.Session()
            session.get_component("data_loader").search_paths.append(folder)
            coupons = session.create_client("coupons", endpoint_url=self.url, **GIVEN)
            coupons.create_coupon(Code="MOON10", Percent=10)
            self.assertEqual(coupons.redeem_coupon(Code="MOON10")["Percent"], 10)
            with self.assertRaises(ClientError) as refused:
                coupons.redeem_coupon(Code="MOON10")
            self.assertEqual(refused.exception.response["Error"],
                             {"Code": "CouponNotFound", "Message": "No coupon has that code."})

    def test_events_and_schedules(self):
        events, scheduler = self.client("events"), self.client("scheduler")
        to = events.create_event_bus(Name="to")["EventBusArn"]
        events.create_archive(ArchiveName="kept", EventSourceArn=to)
        events.put_rule(Name="pass-on", EventPattern=json.dumps({"source": ["shop"]}))
        events.put_targets(Rule="pass-on", Targets=[{"Id": "1", "Arn": to}])
        target = {"Arn": "arn:aws:events:us-east-1:000000000000:event-bus/default", "Input": "{}",
                  "RoleArn": "arn:aws:iam::000000000000:role/scheduler",
                  "EventBridgeParameters": {"Source": "shop", "DetailType": "Tick"}}
        scheduler.create_schedule(Name="tick", ScheduleExpression="rate(1 hours)", Target=target,
                                  FlexibleTimeWindow={"Mode": "OFF"})
        events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])
        urllib.request.urlopen(self.url + "/_moonbase/clock", data=b'{"advance":"0s"}').read()
        self.assertEqual(events.describe_archive(ArchiveName="kept")["EventCount"], 2)
        self.assertEqual([each["Name"] for each in scheduler.list_schedules()["Schedules"]], ["tick"])
        with self.assertRaises(ClientError) as refused:
            scheduler.get_schedule(Name="none")
        self.assertEqual(refused.exception.response["Error"],
                         {"Code": "ResourceNotFoundException", "Message": "Schedule none does not exist."})

    def test_tables_from_the_command_line(self):
        def aws(*words, code=0):
            run = subprocess.run(["aws", "--endpoint-url", self.url, "dynamodb", *words, "--output", "json"],
                                 env=dict(os.environ, AWS_ACCESS_KEY_ID="333333333333", AWS_SECRET_ACCESS_KEY="test",
                                          AWS_DEFAULT_REGION="us-east-1"), capture_output=True, text=True)
            self.assertEqual(run.returncode, code, run.stderr)
            return run.stderr if code else json.loads(run.stdout or "{}")

        self.assertEqual(aws("list-tables"), {"TableNames": []})
        aws("create-table", "--table-name", "Music", "--billing-mode", "PAY_PER_REQUEST",
            "--attribute-definitions", "AttributeName=Artist,AttributeType=S", "AttributeName=Song,AttributeType=S",
            "--key-schema", "AttributeName=Artist,KeyType=HASH", "AttributeName=Song,KeyType=RANGE")
        aws("wait", "table-exists", "--table-name", "Music")
        for song, year in (("Blue", 1971), ("Carey", 1972)):
            aws("put-item", "--table-name", "Music", "--item",
                json.dumps({"Artist": {"S": "Joni"}, "Song": {"S": song}, "Year": {"N": str(year)}}))
        found = aws("query", "--table-name", "Music", "--key-condition-expression", "Artist = :a AND begins_with(Song, :s)",
                    "--expression-attribute-values", '{":a": {"S": "Joni"}, ":s": {"S": "C"}}')
        self.assertEqual([item["Year"] for item in found["Items"]], [{"N": "1972"}])
        statement = aws("execute-statement", "--statement", "SELECT Song FROM Music WHERE Artist = 'Joni'")
        self.assertEqual([item["Song"]["S"] for item in statement["Items"]], ["Blue", "Carey"])
        refused = aws("put-item", "--table-name", "Music", "--item", '{"Artist": {"S": "Joni"}, "Song": {"S": "Blue"}}',
                      "--condition-expression", "attribute_not_exists(Artist)", code=255)
        self.assertIn("(ConditionalCheckFailedException) when calling the PutItem operation", refused)
        aws("delete-table", "--table-name", "Music")


unittest.main(warnings="ignore")
