"""S3 through Debian's boto3 and awscli: transfers, sync, virtual hosts."""
import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("MOONBASE", os.path.join(HERE, "../../build/moonbase"))
GIVEN = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def content(count, seed="x"):
    block = hashlib.sha256(seed.encode()).digest()
    return (block * (count // len(block) + 1))[:count]


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([PROGRAM, "up", "--memory", "--port", "0"], stdout=subprocess.PIPE, text=True)
        cls.url = next(re.match(r"ready (.*)", line).group(1)
                       for line in cls.process.stdout if line.startswith("ready"))
        cls.s3 = cls.client()

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        assert cls.process.wait() == 0
        cls.process.stdout.close()

    @classmethod
    def client(cls, **config):
        return boto3.client("s3", endpoint_url=cls.url, config=Config(**config), **GIVEN)

    def code_of(self, call, **words):
        with self.assertRaises(ClientError) as refused:
            call(**words)
        response = refused.exception.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]

    def test_the_resource_api(self):
        bucket = boto3.resource("s3", endpoint_url=self.url, **GIVEN).create_bucket(Bucket="py-resource")
        bucket.wait_until_exists()
        for name in ("a/1", "a/2", "b"):
            bucket.put_object(Key=name, Body=name.encode(), ContentType="text/plain", Metadata={"Name": name})
        self.assertEqual([one.key for one in bucket.objects.filter(Prefix="a/")], ["a/1", "a/2"])
        found = bucket.Object("a/2").get()
        self.assertEqual((found["Body"].read(), found["ContentType"], found["Metadata"]),
                         (b"a/2", "text/plain", {"name": "a/2"}))
        bucket.objects.all().delete()
        bucket.delete()

    def test_transfers_go_in_parts(self):
        self.s3.create_bucket(Bucket="py-transfer")
        config = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=4)
        with tempfile.TemporaryDirectory() as folder:
            sent, got = os.path.join(folder, "sent"), os.path.join(folder, "got")
            with open(sent, "wb") as file:
                file.write(content(20_000_000))
            self.s3.upload_file(sent, "py-transfer", "big", Config=config)
            self.assertRegex(self.s3.head_object(Bucket="py-transfer", Key="big")["ETag"], '-3"$')
            self.s3.download_file("py-transfer", "big", got, Config=config)
            with open(got, "rb") as file:
                self.assertEqual(file.read(), content(20_000_000))
        self.s3.copy({"Bucket": "py-transfer", "Key": "big"}, "py-transfer", "copied in parts", Config=config)
        self.assertEqual(self.s3.head_object(Bucket="py-transfer", Key="copied in parts")["ContentLength"], 20_000_000)

    def test_buckets_in_the_hosts_name(self):
        resolved = {}
        original = socket.getaddrinfo

        def local(host, *words, **more):  # "bucket.s3.localhost" is this machine, whatever the resolver says.
            resolved[host] = True
            return original("127.0.0.1" if host.endswith(".localhost") else host, *words, **more)

        port = self.url.rsplit(":", 1)[1]
        s3 = boto3.client("s3", endpoint_url=f"http://s3.localhost:{port}",
                          config=Config(s3={"addressing_style": "virtual"}), **GIVEN)
        socket.getaddrinfo = local
        try:
            s3.create_bucket(Bucket="py-virtual")
            s3.put_object(Bucket="py-virtual", Key="a b/c", Body=b"hosted")
            self.assertEqual(s3.get_object(Bucket="py-virtual", Key="a b/c")["Body"].read(), b"hosted")
            self.assertEqual([one["Key"] for one in s3.list_objects_v2(Bucket="py-virtual")["Contents"]], ["a b/c"])
        finally:
            socket.getaddrinfo = original
        self.assertIn("py-virtual.s3.localhost", resolved)
        self.assertEqual(self.s3.get_object(Bucket="py-virtual", Key="a b/c")["Body"].read(), b"hosted")

    def test_refusals_reach_the_client_as_errors_of_s3(self):
        s3 = self.s3
        s3.create_bucket(Bucket="py-errors")
        def refused(call, code, status, **words):
            words.setdefault("Bucket", "py-errors")
            self.assertEqual(self.code_of(call, **words), (code, status))

        refused(s3.get_object, "NoSuchKey", 404, Key="none")
        refused(s3.head_object, "404", 404, Key="none")
        refused(s3.put_object, "NoSuchBucket", 404, Bucket="py-none", Key="k", Body=content(3_000_000))
        refused(s3.create_bucket, "InvalidBucketName", 400, Bucket="Py_Errors")
        refused(s3.abort_multipart_upload, "NoSuchUpload", 404, Key="k", UploadId="none")
        refused(s3.get_bucket_analytics_configuration, "NotImplemented", 501, Id="x")
        etag = s3.put_object(Bucket="py-errors", Key="k", Body=b"0123456789")["ETag"]
        refused(s3.get_object, "304", 304, Key="k", IfNoneMatch=etag)
        refused(s3.get_object, "PreconditionFailed", 412, Key="k", IfMatch="x")
        refused(s3.get_object, "InvalidRange", 416, Key="k", Range="bytes=10-")
        refused(s3.delete_bucket, "BucketNotEmpty", 409)

    def test_who_waits_with_the_body_is_refused_before_it_is_sent(self):
        self.s3.create_bucket(Bucket="py-expect")
        host, port = self.url.split("//")[1].split(":")

        def first_line(target):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 10000000\r\n"
                                   "Expect: 100-continue\r\n\r\n".encode())
                return connection.recv(65536).split(b"\r\n")[0]
        self.assertEqual(first_line("/py-nowhere/k"), b"HTTP/1.1 404 Not Found")
        self.assertEqual(first_line("/py-expect/" + "k" * 1025), b"HTTP/1.1 400 Bad Request")
        self.assertEqual(first_line("/py-expect/k"), b"HTTP/1.1 100 Continue")

    def test_calls_from_inside_carry_the_body_as_a_value(self):
        def call(operation, **values):
            request = urllib.request.Request(f"{self.url}/_moonbase/call/s3/{operation}", json.dumps(values).encode())
            return json.loads(urllib.request.urlopen(request).read())
        call("CreateBucket", Bucket="py-inside")
        for body in (b"", b"\x00\xff", content(1_000_000)):
            call("PutObject", Bucket="py-inside", Key="k", Body=base64.b64encode(body).decode())
            self.assertEqual(base64.b64decode(call("GetObject", Bucket="py-inside", Key="k")["Body"]), body)
        self.assertEqual([one["Key"] for one in call("ListObjectsV2", Bucket="py-inside")["Contents"]], ["k"])

    def test_presigned_links(self):
        self.s3.create_bucket(Bucket="py-links")
        s3 = self.client(signature_version="s3v4")
        put = s3.generate_presigned_url("put_object", Params={"Bucket": "py-links", "Key": "k"}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(put, data=b"linked", method="PUT"))
        get = s3.generate_presigned_url("get_object", Params={"Bucket": "py-links", "Key": "k"}, ExpiresIn=60)
        self.assertEqual(urllib.request.urlopen(get).read(), b"linked")

    def test_readers_beside_a_writer_see_whole_objects(self):
        self.s3.create_bucket(Bucket="py-beside")
        bodies = [content(1_000_000, str(n)) for n in range(4)]
        self.s3.put_object(Bucket="py-beside", Key="k", Body=bodies[0])
        problems, stop = [], threading.Event()

        def read():
            s3 = self.client()
            while not stop.is_set():
                got = s3.get_object(Bucket="py-beside", Key="k")["Body"].read()
                if got not in bodies:
                    problems.append(len(got))
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for n in range(30):
            self.s3.put_object(Bucket="py-beside", Key="k", Body=bodies[n % 4])
        stop.set()
        for reader in readers:
            reader.join()
        self.assertEqual(problems, [])

    def test_the_command_line(self):
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                       "AWS_DEFAULT_REGION": "us-east-1"}

        def aws(*words):
            done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.url, "s3", *words], env=environment,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        with tempfile.TemporaryDirectory() as folder:
            tree = {"top": content(10), "a/one": content(200_000), "a/b/two & é": content(9_000_000)}
            for name, text in tree.items():
                path = os.path.join(folder, "from", name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(text)
            aws("mb", "s3://cli-bucket")
            self.assertEqual(aws("sync", os.path.join(folder, "from"), "s3://cli-bucket/tree").count("upload:"), 3)
            self.assertEqual(aws("sync", os.path.join(folder, "from"), "s3://cli-bucket/tree"), "")
            self.assertIn("PRE a/", aws("ls", "s3://cli-bucket/tree/"))
            self.assertEqual(len(aws("ls", "--recursive", "s3://cli-bucket").splitlines()), 3)
            aws("cp", "--recursive", "s3://cli-bucket/tree", os.path.join(folder, "to"))
            for name, text in tree.items():
                with open(os.path.join(folder, "to", name), "rb") as file:
                    self.assertEqual(file.read(), text)
            aws("mv", "s3://cli-bucket/tree/top", "s3://cli-bucket/moved")
            aws("cp", "s3://cli-bucket/tree/a/b/two & é", "s3://cli-bucket/copied in parts")
            aws("rm", "--recursive", "s3://cli-bucket/tree")
            self.assertEqual(len(aws("ls", "--recursive", "s3://cli-bucket").splitlines()), 2)
            aws("rb", "--force", "s3://cli-bucket")
            self.assertNotIn("cli-bucket", aws("ls"))


unittest.main(warnings="ignore")
