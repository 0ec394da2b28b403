;; MurmurHash3_x86_128 with four seed words, after the reference implementation by Austin Appleby.
;;
;; The memory holds the four words of the hash at 0 and the bytes to hash at 16. The caller puts the
;; seed into the words. A long message comes in pieces, each but the last a multiple of 16 long.
(module
  (memory (export "memory") 2)

  ;; The end of the hash: each bit of a word changes all of its bits.
  (func $mix (param $h i32) (result i32)
    (local.set $h (i32.mul (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 16))) (i32.const 0x85ebca6b)))
    (local.set $h (i32.mul (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 13))) (i32.const 0xc2b2ae35)))
    (i32.xor (local.get $h) (i32.shr_u (local.get $h) (i32.const 16))))

  ;; Hashes the bytes from 16 to $end. $length is the length of the whole message with the last
  ;; piece, and -1 before that. Up to 16 bytes after $end are overwritten with zeros.
  (func (export "hash") (param $end i32) (param $length i32)
    (local $at i32) (local $h1 i32) (local $h2 i32) (local $h3 i32) (local $h4 i32)
    (local.set $h1 (i32.load offset=0 (i32.const 0)))
    (local.set $h2 (i32.load offset=4 (i32.const 0)))
    (local.set $h3 (i32.load offset=8 (i32.const 0)))
    (local.set $h4 (i32.load offset=12 (i32.const 0)))
    (local.set $at (i32.const 16))
    (loop $next
      (if (i32.le_u (i32.add (local.get $at) (i32.const 16)) (local.get $end))
        (then
          (local.set $h1 (i32.xor (local.get $h1)
            (i32.mul (i32.rotl (i32.mul (i32.load offset=0 (local.get $at)) (i32.const 0x239b961b)) (i32.const 15)) (i32.const 0xab0e9789))))
          (local.set $h1 (i32.add (i32.rotl (local.get $h1) (i32.const 19)) (local.get $h2)))
          (local.set $h1 (i32.add (i32.mul (local.get $h1) (i32.const 5)) (i32.const 0x561ccd1b)))
          (local.set $h2 (i32.xor (local.get $h2)
            (i32.mul (i32.rotl (i32.mul (i32.load offset=4 (local.get $at)) (i32.const 0xab0e9789)) (i32.const 16)) (i32.const 0x38b34ae5))))
          (local.set $h2 (i32.add (i32.rotl (local.get $h2) (i32.const 17)) (local.get $h3)))
          (local.set $h2 (i32.add (i32.mul (local.get $h2) (i32.const 5)) (i32.const 0x0bcaa747)))
          (local.set $h3 (i32.xor (local.get $h3)
            (i32.mul (i32.rotl (i32.mul (i32.load offset=8 (local.get $at)) (i32.const 0x38b34ae5)) (i32.const 17)) (i32.const 0xa1e38b93))))
          (local.set $h3 (i32.add (i32.rotl (local.get $h3) (i32.const 15)) (local.get $h4)))
          (local.set $h3 (i32.add (i32.mul (local.get $h3) (i32.const 5)) (i32.const 0x96cd1c35)))
          (local.set $h4 (i32.xor (local.get $h4)
            (i32.mul (i32.rotl (i32.mul (i32.load offset=12 (local.get $at)) (i32.const 0xa1e38b93)) (i32.const 18)) (i32.const 0x239b961b))))
          (local.set $h4 (i32.add (i32.rotl (local.get $h4) (i32.const 13)) (local.get $h1)))
          (local.set $h4 (i32.add (i32.mul (local.get $h4) (i32.const 5)) (i32.const 0x32ac3b17)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (if (i32.ge_s (local.get $length) (i32.const 0))
      (then
        ;; The rest of the message. A word of zeros changes nothing.
        (i64.store (local.get $end) (i64.const 0))
        (i64.store offset=8 (local.get $end) (i64.const 0))
        (local.set $h1 (i32.xor (i32.xor (local.get $h1) (local.get $length))
          (i32.mul (i32.rotl (i32.mul (i32.load offset=0 (local.get $at)) (i32.const 0x239b961b)) (i32.const 15)) (i32.const 0xab0e9789))))
        (local.set $h2 (i32.xor (i32.xor (local.get $h2) (local.get $length))
          (i32.mul (i32.rotl (i32.mul (i32.load offset=4 (local.get $at)) (i32.const 0xab0e9789)) (i32.const 16)) (i32.const 0x38b34ae5))))
        (local.set $h3 (i32.xor (i32.xor (local.get $h3) (local.get $length))
          (i32.mul (i32.rotl (i32.mul (i32.load offset=8 (local.get $at)) (i32.const 0x38b34ae5)) (i32.const 17)) (i32.const 0xa1e38b93))))
        (local.set $h4 (i32.xor (i32.xor (local.get $h4) (local.get $length))
          (i32.mul (i32.rotl (i32.mul (i32.load offset=12 (local.get $at)) (i32.const 0xa1e38b93)) (i32.const 18)) (i32.const 0x239b961b))))
        (local.set $h1 (i32.add (i32.add (local.get $h1) (local.get $h2)) (i32.add (local.get $h3) (local.get $h4))))
        (local.set $h2 (i32.add (local.get $h2) (local.get $h1)))
        (local.set $h3 (i32.add (local.get $h3) (local.get $h1)))
        (local.set $h4 (i32.add (local.get $h4) (local.get $h1)))
        (local.set $h1 (call $mix (local.get $h1)))
        (local.set $h2 (call $mix (local.get $h2)))
        (local.set $h3 (call $mix (local.get $h3)))
        (local.set $h4 (call $mix (local.get $h4)))
        (local.set $h1 (i32.add (i32.add (local.get $h1) (local.get $h2)) (i32.add (local.get $h3) (local.get $h4))))
        (local.set $h2 (i32.add (local.get $h2) (local.get $h1)))
        (local.set $h3 (i32.add (local.get $h3) (local.get $h1)))
        (local.set $h4 (i32.add (local.get $h4) (local.get $h1)))
      ))
    (i32.store offset=0 (i32.const 0) (local.get $h1))
    (i32.store offset=4 (i32.const 0) (local.get $h2))
    (i32.store offset=8 (i32.const 0) (local.get $h3))
    (i32.store offset=12 (i32.const 0) (local.get $h4))))
