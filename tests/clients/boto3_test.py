"""Debian's boto3 and awscli, as they are: older protocols than today's SDKs speak."""
import io
import json
import os
import re
import subprocess
import tempfile
import unittest
import zipfile

import boto3
import botocore.session
from boto3.dynamodb.conditions import Key
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
        with self.assertRaises(ClientError) as refused:
            table.put_item(Item={"pk": "a", "n": 1}, ConditionExpression="attribute_not_exists(pk)")
        self.assertEqual(refused.exception.response["Error"],
                         {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"})

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
        for service, operation in (("sqs", "list_queues"), ("sns", "list_topics"), ("s3", "list_buckets"),
                                   ("ec2", "describe_instances"), ("kinesis", "list_streams"), ("iam", "list_users")):
            with self.subTest(service), self.assertRaises(ClientError) as refused:
                getattr(self.client(service), operation)()
            self.assertEqual(refused.exception.response["Error"]["Code"], "NotImplemented")
            self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 501)

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

    def test_the_command_line(self):
        run = subprocess.run(["aws", "--endpoint-url", self.url, "dynamodb", "list-tables", "--output", "json"],
                             env=dict(os.environ, AWS_ACCESS_KEY_ID="333333333333", AWS_SECRET_ACCESS_KEY="test",
                                      AWS_DEFAULT_REGION="us-east-1"), capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(run.stdout), {"TableNames": []})


unittest.main(warnings="ignore")
