"""The page that every evidence pack holds."""

README = """\
# 证据包 Evidence pack

本压缩包证明信用数据共享枢纽审计日志中的一条记录：谁、何时、以何种目的和依据、取得了哪些数据项。
It proves one entry of the audit log of a credit data-sharing hub: who got which items, when, for what, on what basis.

## 核验 Verify

需要 Python 3.11 及 `cryptography` 库，不需要联网，也不需要本枢纽。日志公钥请向运营方或见证方另行取得，不要取自本包。
You need Python 3.11 and the package `cryptography`, no network and no hub. Get the log's verifier key from its
publisher or from a witness, never from this pack.

    unzip PACK.zip verify.py offline.py
    python -I verify.py PACK.zip VERIFIER-KEY [--witness VERIFIER-KEY ...]

退出码 0：全部成立；1：有一项不成立；2：文件无法读取。两个文件共约五百行，可通读；也可改用自己保存的一份。
Exit code 0: all holds; 1: something does not; 2: the file cannot be read. Read the two files (some 500 lines) before
you trust them, or use copies that you have from somewhere else.

## 内容 Contents

| 文件 file | 内容 |
| --- | --- |
| `receipt.json` | 日志条目、包含证明、检查点及见证签名 the entry, its proof, the cosigned checkpoint |
| `response.json`, `response.ndjson` | 当时的应答或其部分出示（可无） the answer as saved, or part of it (if given) |
| `policy/` | 当时生效的策略全文 text of the policy revision that the entry names |
| `consent/` | 所依据的授权书，含签名 the signed consents that the disclosure rested on |
| `keys/public.json` | 公钥及其沿革 public keys and their history |
| `manifest.json` | 各文件的 SHA-256；`absent` 为未收入者 SHA-256 of every member; `absent`: what is left out, and why |
| `seal.json` | 制作本包的日志条目，载有清单的哈希 the log's entry about this pack; it names the manifest |

## 不能证明的 What it does not prove

不证明数据属实，不证明授权此后未被撤回，也不证明此外再无其他查询。
Not that the data are true, not that a consent was not withdrawn later, not that there were no other reads.
"""
