"""The word counter in Python."""


def handler(event, context):
    words = len(event["text"].split())
    print("counted", words)
    return {"runtime": "python", "words": words}
