"""The market's contract on Hyperledger Fabric: gateway client, chaincode server, and the ledger made of both."""
