
n
xConst*
dtype0*U
valueLBJ"<*{f>o€i¿Q»m¿=ðó<kŠ½—U?ãS„>´Mç<çÌ»¹E¿"öy¿w}¿¤Ä>J¿F˜…¾
J
uConst*
dtype0*1
value(B&"Œ~¿ü(?zê0¿súí¾åºB?¢i <
n
yConst*
dtype0*U
valueLBJ"<súí¾åºB?¢i <=ðó<kŠ½—U?ãS„>´Mç<çÌ»Œ~¿ü(?zê0¿¤Ä>J¿F˜…¾
o
y1Const*
dtype0*U
valueLBJ"<¼yu¾(¾¸h¿=ðó<kŠ½—U?ãS„>´Mç<çÌ»"®¿¿<ô¡¾ø3§¿¤Ä>J¿F˜…¾
o
y2Const*
dtype0*U
valueLBJ"<œ0?ªÖ¿ž¾r¿=ðó<kŠ½—U?ãS„>´Mç<çÌ»¦¡ù>yÑ¿h›=¤Ä>J¿F˜…¾
o
y3Const*
dtype0*U
valueLBJ"<*{f>åºB?¢i <=ðó<kŠ½—U?ãS„>´Mç<çÌ»¹E¿ü(?w}¿¤Ä>J¿F˜…¾
o
y4Const*
dtype0*U
valueLBJ"<súí¾o€i¿Q»m¿=ðó<kŠ½—U?ãS„>´Mç<çÌ»Œ~¿"öy¿zê0¿¤Ä>J¿F˜…¾