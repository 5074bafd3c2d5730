"""What stands around a bucket, through Debian's boto3: settings, notifications to a queue, lifecycle rules."""
import json
import os
import re
import subprocess
import unittest
import urllib.request

import boto3
from botocore.exceptions import ClientError

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("MOONBASE", os.path.join(HERE, "../../build/moonbase"))
GIVEN = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([PROGRAM, "up", "--memory", "--port", "0"], stdout=subprocess.PIPE, text=True)
        cls.url = next(re.match(r"ready (.*)", line).group(1) for line in cls.process.stdout if line.startswith("ready"))
        cls.s3 = boto3.client("s3", endpoint_url=cls.url, **GIVEN)
        cls.sqs = boto3.client("sqs", endpoint_url=cls.url, **GIVEN)
        cls.clock(stop=True)

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        assert cls.process.wait() == 0
        cls.process.stdout.close()

    @classmethod
    def clock(cls, **what):
        request = urllib.request.Request(cls.url + "/_moonbase/clock", json.dumps(what).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    def bucket(self, name, **more):
        self.s3.create_bucket(Bucket=name, **more)
        return {"Bucket": name}

    def code_of(self, call, **words):
        with self.assertRaises(ClientError) as refused:
            call(**words)
        return refused.exception.response["Error"]["Code"]

    def test_settings(self):
        one = self.bucket("py-settings")
        tags = [{"Key": "team", "Value": "moon"}]
        self.s3.put_bucket_tagging(**one, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(**one)["TagSet"], tags)
        rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.com"], "MaxAgeSeconds": 3}]
        self.s3.put_bucket_cors(**one, CORSConfiguration={"CORSRules": rules})
        self.assertEqual(self.s3.get_bucket_cors(**one)["CORSRules"], rules)
        self.s3.delete_bucket_cors(**one)
        self.assertEqual(self.code_of(self.s3.get_bucket_cors, **one), "NoSuchCORSConfiguration")
        policy = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
                                            "Resource": "arn:aws:s3:::py-settings/*"}]})
        self.s3.put_bucket_policy(**one, Policy=policy)
        self.assertEqual(self.s3.get_bucket_policy(**one)["Policy"], policy)
        self.s3.put_object(**one, Key="a", Body=b"1")
        self.assertEqual(self.code_of(self.s3.delete_object, **one, Key="a"), "AccessDenied")
        self.assertEqual(self.s3.get_bucket_request_payment(**one)["Payer"], "BucketOwner")
        self.assertEqual(self.code_of(self.s3.put_bucket_request_payment, **one,
                                      RequestPaymentConfiguration={"Payer": "Requester"}), "NotImplemented")

    def test_a_queue_is_told(self):
        one = self.bucket("py-told")
        url = self.sqs.create_queue(QueueName="py-told")["QueueUrl"]
        self.s3.put_bucket_notification_configuration(**one, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:py-told", "Events": ["s3:ObjectCreated:*"]}]})
        self.s3.put_object(**one, Key="a b", Body=b"12")
        self.s3.copy_object(**one, Key="c", CopySource={**one, "Key": "a b"})
        self.clock(advance="1s")
        told = [json.loads(message["Body"]) for message in
                self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
        names = sorted((record["eventName"], record["s3"]["object"]["key"], record["s3"]["object"]["size"])
                       for message in told for record in message.get("Records", []))
        self.assertEqual(names, [("ObjectCreated:Copy", "c", 2), ("ObjectCreated:Put", "a+b", 2)])
        self.assertEqual([message["Event"] for message in told if "Event" in message], ["s3:TestEvent"])

    def test_lifecycle(self):
        one = self.bucket("py-lifecycle")
        self.s3.put_bucket_versioning(**one, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_lifecycle_configuration(**one, LifecycleConfiguration={"Rules": [
            {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1},
             "NoncurrentVersionExpiration": {"NoncurrentDays": 5}}]})
        self.s3.put_object(**one, Key="a", Body=b"1")
        self.clock(advance="48h")
        listed = self.s3.list_object_versions(**one)
        self.assertEqual((len(listed["Versions"]), len(listed["DeleteMarkers"])), (1, 1))
        self.clock(advance="168h")
        listed = self.s3.list_object_versions(**one)
        self.assertNotIn("Versions", listed)


if __name__ == "__main__":
    unittest.main()
