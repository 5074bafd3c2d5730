print("0 checks")
